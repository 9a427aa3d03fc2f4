"""Maintained by `copier update`. Checks the variables of OpenTelemetry's SDK.

If one is malformed, the SDK itself prints a traceback, or silently uses a default.
"""

import os
import re

PATTERNS = {  # for names that match: the pattern of the value, and its description
    r"OTEL_BSP_\w+|OTEL_METRIC_EXPORT_\w+": (r"0*[1-9]\d*", "a whole number greater than 0"),
    r"OTEL_\w+_LIMIT": (r"\d+", "a whole number"),
    r"OTEL_EXPORTER_OTLP_(\w+_)?TIMEOUT": (r"\d+(\.\d+)?", "a number of seconds"),
    r"OTEL_EXPORTER_OTLP_(\w+_)?COMPRESSION": ("none|deflate|gzip", "none, deflate or gzip"),
    r"OTEL_METRICS_EXEMPLAR_FILTER": (
        "always_on|always_off|trace_based",
        "always_on, always_off or trace_based",
    ),
}
RATIO = re.compile(r"0*(0|1|0?\.\d+|0\.\d*|1\.0*)")
SAMPLERS = {"always_on", "always_off", "traceidratio"}
SAMPLERS |= {f"parentbased_{name}" for name in SAMPLERS}


def problems() -> dict[str, str]:
    """Name each malformed variable, and say what it should be. Unset empty ones."""
    given = {name: value for name, value in os.environ.items() if name.startswith("OTEL_")}
    for name in [name for name, value in given.items() if not value.strip()]:
        del os.environ[name], given[name]
    found = {
        name: f"Input should be {expected}"
        for pattern, (valid, expected) in PATTERNS.items()
        for name, value in given.items()
        if re.fullmatch(pattern, name) and not re.fullmatch(valid, value.strip(), re.IGNORECASE)
    }
    sampler = given.get("OTEL_TRACES_SAMPLER", "always_on").strip().lower()
    if sampler not in SAMPLERS and sampler not in _installed("traces_sampler"):
        found["OTEL_TRACES_SAMPLER"] = f"Input should be one of {', '.join(sorted(SAMPLERS))}"
    ratio = given.get("OTEL_TRACES_SAMPLER_ARG", "1").strip()
    if sampler.endswith("traceidratio") and not RATIO.fullmatch(ratio):
        found["OTEL_TRACES_SAMPLER_ARG"] = "Input should be a number from 0 to 1"
    propagators = {name.strip() for name in given.get("OTEL_PROPAGATORS", "none").split(",")}
    if propagators != {"none"} and (propagators - (known := _installed("propagator"))):
        found["OTEL_PROPAGATORS"] = f"Input should be some of {', '.join(sorted(known))}"
    return found


def _installed(kind: str) -> set[str]:
    """Name the extensions of the SDK that are installed."""
    from importlib.metadata import entry_points  # a slow import

    return entry_points(group=f"opentelemetry_{kind}").names
