"""Requests: how many a second, at what cost, how late, beside a bare hello world of the same framework."""

from collections.abc import Sequence

from tests.support import postgres as pg
from tests.support.client import reserved_port

from .load import Order, get, post, send
from .rows import Row, Rows
from .services import Asked, Services
from .sides import Side

FRAMEWORKS = ("fastapi", "litestar", "flask", "django")
RATE = 300  # requests a second, which each side can serve
CLIENTS = 64  # of the notes
type Figures = dict[str, float]


def measure(side: Side, requests: Sequence[str], connections: int, seconds: float) -> Figures:
    """Start a side and ask it; what it took, by the names of the rows."""
    with side.running() as process:
        boot = process.seconds_until_answer(side.port)
        send(Order(side.port, requests, connections, seconds / 4))
        before, rest = process.cpu_seconds(), process.megabytes()
        result = send(Order(side.port, requests, connections, seconds))
        cpu = (process.cpu_seconds() - before) / max(1, result.answered)
        steady = send(Order(side.port, requests, connections, seconds, rate=RATE))
    return {
        "boot": boot,
        "rps": result.rps,
        "cpu": cpu * 1e6,
        "memory": rest,
        "p50": steady.percentile(0.5),
        "p99": steady.percentile(0.99),
        "failed": sum(count for status, count in result.statuses.items() if not status.startswith("2")),
    }


def hello(services: Services, asked: Asked) -> list[Row]:
    """Measure `GET /` of each framework, web only, against bare ones without and with an access log."""
    found: list[Row] = []
    for framework in asked.frameworks:
        rows = Rows(framework)
        project = services.emitted(framework=framework, database="none", queue="none")
        with reserved_port() as port:
            sides = {
                "ours": services.ours(project, port, {}),
                "bare": services.bare(project, port, {}, "hello"),
                "logging": services.bare(project, port, {}, "hello", log=True),
            }
            for number in range(asked.rounds):
                order = list(sides) if number % 2 else list(reversed(sides))
                one = {name: measure(sides[name], [get("/")], 16, asked.seconds) for name in order}
                ours, bare, logging = one["ours"], one["bare"], one["logging"]
                rows.add("requests, against bare", "1/s", ours["rps"], bare["rps"], "≥ 0.80")
                rows.add(
                    "requests, against bare with its access log", "1/s", ours["rps"], logging["rps"], "≥ 1.0"
                )
                rows.add("processor time of a request", "µs", ours["cpu"], bare["cpu"])
                rows.add(f"p50 at {RATE} requests a second", "ms", ours["p50"], bare["p50"])
                rows.add(f"p99 at {RATE} requests a second", "ms", ours["p99"], bare["p99"])
                rows.add("boot", "s", ours["boot"], bare["boot"], "≤ 1.3")
                rows.add("memory", "MB", ours["memory"], bare["memory"], "≤ 1.25")
            for number in range(asked.rounds):
                two = {"WEB_CONCURRENCY": "2"}
                pair = {
                    "ours": services.ours(project, port, two),
                    "bare": services.bare(project, port, two, "hello"),
                }
                order = list(pair) if number % 2 else list(reversed(pair))
                both = {name: measure(pair[name], [get("/")], 16, asked.seconds / 2) for name in order}
                ours, bare = both["ours"], both["bare"]
                rows.add("memory of two processes", "MB", ours["memory"], bare["memory"], "≤ 1.25")
        found += rows.all()
    return found


def notes(services: Services, asked: Asked) -> list[Row]:
    """Measure `POST /notes` and `GET /notes/1` against the same statements through the bare driver."""
    found: list[Row] = []
    with pg.running() as server, reserved_port() as port:
        for framework in asked.frameworks:
            rows = Rows(framework)
            project = services.emitted(framework=framework, database="postgres", queue="none")
            database = {"DATABASE_URL": server.url(server.create())}
            release = services.ours(project, port, database, "release")
            with release.running() as process:
                assert process.process.wait(60) == 0
            plain = {"DATABASE_URL": database["DATABASE_URL"].replace("postgres:", "postgresql:", 1)}
            sides = {
                "ours": services.ours(project, port, database),
                "bare": services.bare(project, port, plain, "notes"),
            }
            requests = [post("/notes", '{"text": "a few words to count"}'), get("/notes/1")]
            for number in range(asked.rounds):
                order = list(sides) if number % 2 else list(reversed(sides))
                one = {name: measure(sides[name], requests, CLIENTS, asked.seconds) for name in order}
                ours, bare = one["ours"], one["bare"]
                rows.add(f"notes, {CLIENTS} clients, against the driver", "1/s", ours["rps"], bare["rps"])
                rows.add(f"notes, {CLIENTS} clients, answers that are no 2xx", "", ours["failed"])
            found += rows.all()
    return found
