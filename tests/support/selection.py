"""Select the tests of a run (all, or only those that prove something new), and put them in order."""

import re
from collections.abc import Mapping
from typing import Any

import pytest

from extensions.context import ON_WSGI

from . import variants


def is_wanted(item: pytest.Item, config: pytest.Config) -> bool:
    """Tell whether this run includes a test on its variant."""
    parameters: dict[str, Any] = item.callspec.params if hasattr(item, "callspec") else {}
    variant = next((value for value in parameters.values() if is_variant(value)), None)
    if item.get_closest_marker("variants") and config.option.variants != "all":
        return False
    if not variant:
        return True
    if item.get_closest_marker("asgi" if variant["framework"] in ON_WSGI else "wsgi"):
        return False
    if config.option.framework and variant["framework"] not in config.option.framework:
        return False
    if item.path.parent.name != "factors":
        return True
    if item.get_closest_marker("database") and variant["database"] == "none":
        return False
    return config.option.variants == "all" or tells_something_new(item, variant, "pristine" in parameters)


def frameworks(*chosen: str) -> list[Any]:
    """Return each framework as a parameter. A run over pairs includes only those that are chosen."""
    return named({each: each for each in variants.choices()["framework"]}, *chosen)


def named(cases: Mapping[str, Any], *chosen: str) -> list[Any]:
    """Return each case as a parameter with its name. A run over pairs includes only those that are chosen."""
    return [
        pytest.param(case, id=name, marks=[] if name in chosen else pytest.mark.variants)
        for name, case in cases.items()
    ]


def is_variant(value: Any) -> bool:
    """Tell whether the parameter of a test is a set of answers."""
    return isinstance(value, Mapping) and "framework" in value


def tells_something_new(item: pytest.Item, variant: variants.Answers, pristine: bool) -> bool:
    """Tell whether a run over pairs includes a test."""
    framework = variant["framework"]
    if "observability" in variant:
        return is_observed(variant, every_framework=bool(item.get_closest_marker("every_framework")))
    if not pristine:  # queues: variants that differ in at most one way from the leading one with a database
        if variant["queue"] not in variants.TURNS.get(framework, [variant["queue"]]):
            return False
        steps = ["every_framework"] if framework != variants.LEADING else []
        steps += ["every_database"] if variant["database"] == "none" else []
        return len(steps) < 2 and all(map(item.get_closest_marker, steps))
    worth = variants.worth(variant)
    return worth is not None and bool(re.match(worth, f"{item.path.name}::{item.name}"))


def is_observed(variant: variants.Answers, *, every_framework: bool) -> bool:
    """Tell whether a run over pairs includes this variant with telemetry."""
    pair = (variant["framework"], variant["queue"])
    return pair in variants.OBSERVED[: None if every_framework else 1]


def in_turns(items: list[pytest.Item], workers: int) -> list[pytest.Item]:
    """Put tests with long waits first in each worker's share, so that they wait at the same time.

    pytest-xdist cuts the list into one share per worker. A worker that has finished its share takes tests
    from the end of another one.
    """
    long = [item for item in items if item.get_closest_marker("long")]
    short = [item for item in items if not item.get_closest_marker("long")]
    ends = [len(short) * (worker + 1) // workers for worker in range(workers)]
    shares = zip([0, *ends], ends, strict=False)
    return [
        item
        for worker, (begin, end) in enumerate(shares)
        for item in (*long[worker::workers], *short[begin:end])
    ]
