"""Telemetry: what it costs to have chosen it, and to have turned it on, beside the service without it.

One framework is measured: what reports is the same code for all.
"""

from tests.support.client import reserved_port
from tests.support.telemetry import receiver

from .load import get
from .rows import Row, Rows
from .services import Asked, Services
from .web import measure

TOOLS = ["opentelemetry", "sentry", "prometheus"]


def telemetry(services: Services, asked: Asked) -> list[Row]:
    """Measure `GET /` with each tool off and on, web only; the other side has chosen none."""
    framework = asked.frameworks[0]
    rows = Rows(f"{framework}, telemetry")
    plain = services.emitted(framework=framework, database="none", queue="none")
    chosen = services.emitted(framework=framework, database="none", queue="none", observability=TOOLS)
    with reserved_port() as port, reserved_port() as metrics, receiver() as collector:
        on = {
            "opentelemetry": {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url},
            "sentry": {"SENTRY_DSN": collector.dsn},
            "prometheus": {"METRICS_PORT": str(metrics)},
        }
        given = {
            "off": {},
            **on,
            "all three": {name: value for each in on.values() for name, value in each.items()},
        }
        sides = {name: services.ours(chosen, port, variables) for name, variables in given.items()}
        sides["none"] = services.ours(plain, port, {})
        for number in range(asked.rounds):
            order = list(sides) if number % 2 else list(reversed(sides))
            one = {name: measure(sides[name], [get("/")], 16, asked.seconds) for name in order}
            none = one["none"]
            for name in given:
                figures = one[name]
                goal = {"off": ("≥ 0.97", "≤ 1.03")}.get(name, ("", ""))
                rows.add(f"requests, {name}", "1/s", figures["rps"], none["rps"], goal[0])
                rows.add(f"processor time of a request, {name}", "µs", figures["cpu"], none["cpu"], goal[1])
                rows.add(f"boot, {name}", "s", figures["boot"], none["boot"], goal[1])
                rows.add(f"memory, {name}", "MB", figures["memory"], none["memory"], goal[1])
    return rows.all()
