"""XI. Logs, and what else a service tells of itself: traces, metrics and errors (C-27)."""

import os
import re
import signal
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import httpx
import pexpect
import pytest

from tests.conftest import Render, Start, starting
from tests.support import postgres as pg
from tests.support import variants
from tests.support.client import Connection, reserved_port, wait_for_port
from tests.support.processes import children
from tests.support.project import Project, environment, key, once
from tests.support.service import eventually
from tests.support.telemetry import Receiver, receiver, scrape, total

VARIANTS = [
    {**answers, "observability": variants.choices()["observability"][-1]}
    for answers in variants.bootable(database="postgres")
]
SECRETS = {name: f"secret-{name}-{uuid4().hex}" for name in ("query", "header", "cookie", "body", "key")}
PARENT = {"trace": uuid4().hex, "id": uuid4().hex[:16]}
NOBODY = "http://127.0.0.1:9"  # the port of `discard`, where nobody listens
MODULES = """

@router.get("/modules")
async def modules() -> list[str]:
    return sorted(sys.modules)


inner = APIRouter()


@inner.get("/part/{key}")
async def part(key: int) -> int:
    return key


router.include_router(inner, prefix="/whole")
"""


@pytest.fixture(scope="session", params=VARIANTS, ids=variants.label)
def observed(request: pytest.FixtureRequest, render: Render, shared: Path) -> Project:
    """Return a service that can tell of itself in each way. It is not to be changed."""
    emitted = Project(render(request.param))

    def add_routes(to: Path) -> None:
        project = emitted.copy(to)
        project.add_routes()
        if project.answers()["framework"] == variants.LEADING:
            project.append("routes.py", MODULES)

    return Project(once(shared / f"observed-{key(emitted.answers())}" / "project", add_routes))


@pytest.fixture
def start(
    request: pytest.FixtureRequest, observed: Project, shared: Path, postgres: pg.Server
) -> Iterator[Start]:
    """Return what starts a process of it, on a database of the test's own."""
    production = environment(shared, observed, dev=False)
    variables = {"DATABASE_URL": postgres.url(postgres.create()), **observed.secrets}
    if observed.has_redis:
        variables["REDIS_URL"] = request.getfixturevalue("redis").url
    release = [str(production / "bin" / "python"), "-m", observed.name, "release"]
    subprocess.run(release, cwd=observed.path, env=variables, check=True, capture_output=True)
    with starting(observed, production, variables) as start:
        yield start


@pytest.fixture
def collector() -> Iterator[Receiver]:
    """Return a collector of OpenTelemetry's, and a Sentry."""
    with receiver() as made:
        yield made


def told_to(collector: Receiver, **variables: str) -> Mapping[str, str]:
    """Return the variables with which a service tells them."""
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_EXPORTER_OTLP_HEADERS": f"authorization={SECRETS['key']}",
        "OTEL_BSP_SCHEDULE_DELAY": "100",
        "SENTRY_DSN": collector.dsn,
        "SHUTDOWN_DRAIN_SECONDS": "0",
        **variables,
    }


@pytest.mark.every_framework
def test_a_request_its_job_and_their_errors(observed: Project, start: Start, collector: Receiver) -> None:
    """One trace over two processes, its ids in the log, one error in Sentry, and no value anywhere."""
    with reserved_port() as metrics:
        web = start(given=told_to(collector, METRICS_PORT=str(metrics)))
        worker = start(process="worker", given=told_to(collector)) if observed.has_queue else None
        answer = httpx.post(
            f"{web.url}/notes?token={SECRETS['query']}",
            json={"text": f"one two {SECRETS['body']}"},
            headers={
                "traceparent": f"00-{PARENT['trace']}-{PARENT['id']}-01",
                "Authorization": SECRETS["header"],
                "Cookie": f"session={SECRETS['cookie']}",
                "X-Request-ID": "r-1",
            },
        )
        assert answer.status_code == 201, web.report()
        note = answer.json()["id"]
        for path in (f"/notes/{note}", "/boom", "/nowhere-7", "/nowhere-8", "/livez", "/readyz"):
            httpx.get(f"{web.url}{path}", headers={"Authorization": SECRETS["header"]})
        if worker:
            worker.wait_event("job", outcome="succeeded", request_id="r-1")
        series = scrape(metrics)
    for process in filter(None, (web, worker)):
        process.terminate()
        assert process.wait() == 0, process.report()

    (posted,) = collector.spans("SERVER", http_request_method="POST")
    assert (posted.trace, posted.parent) == (PARENT["trace"], PARENT["id"])
    assert posted.attributes["http.response.status_code"] == 201
    assert posted.attributes["http.route"].rstrip("/") == "/notes"
    assert posted.resource["service.name"] == "order-desk"
    queries = collector.spans("CLIENT")
    assert "INSERT" in {span.name for span in queries if span.parent == posted.id}
    assert all(span.parent for span in queries), "a poll makes a span"

    gets = collector.spans("SERVER", http_request_method="GET")
    assert sorted(span.attributes["http.response.status_code"] for span in gets) == [200, 404, 404, 500]
    for span in gets:
        known = span.attributes["http.response.status_code"] != 404
        assert ("http.route" in span.attributes) == known
        assert span.name == (f"GET {span.attributes['http.route']}" if known else "GET")
    assert any("{" in span.name or "<" in span.name or ":" in span.name for span in gets), gets
    assert [span.failed for span in gets].count(True) == 1

    if worker:
        (sent,) = collector.spans("PRODUCER")
        (run,) = collector.spans("CONSUMER")
        assert (sent.trace, sent.parent) == (posted.trace, posted.id)
        assert (run.trace, run.parent) == (sent.trace, sent.id)
        assert run.attributes["job.outcome"] == "succeeded"
        assert posted.resource["service.instance.id"] != run.resource["service.instance.id"]
        assert any(span.parent == run.id for span in collector.spans("CLIENT")), "no query of the job's"
        (event,) = worker.find("job", request_id="r-1")
        assert (event["trace_id"], event["span_id"]) == (run.trace, run.id)
    for event in web.events:
        if event.get("request_id") and event.get("path") not in ("/livez", "/readyz"):
            assert {"trace_id", "span_id"} <= event.keys(), event
    assert {event["trace_id"] for event in web.events if event.get("request_id") == "r-1"} == {posted.trace}

    (error,) = collector.errors()
    (boom,) = (span for span in gets if span.failed)
    assert error["exception"]["values"][0]["type"] == "RuntimeError"
    assert error["transaction"] == "GET /boom"
    assert error["tags"]["request_id"]
    assert error["contexts"]["trace"]["trace_id"] == boom.trace
    assert error["release"] == "unreleased"
    frames = error["exception"]["values"][0]["stacktrace"]["frames"]
    assert not any("vars" in frame for frame in frames)

    asked = "http_server_request_duration_seconds_count"
    assert total(series, asked, http_response_status_code="404", http_route="") == 2
    assert total(series, asked) == 5
    points = collector.points("http.server.request.duration")
    assert {point["http.response.status_code"] for point in points} == {200, 201, 404, 500}

    log = "".join(line for process in filter(None, (web, worker)) for line in process.lines)
    for secret in SECRETS.values():
        assert secret not in collector.text() + str(series) + log
    assert not web.find("telemetry lost")


def test_nothing_of_it_is_imported_while_it_is_off(observed: Project, start: Start) -> None:
    """FastAPI itself imports the API of OpenTelemetry's, which does nothing by itself."""
    web = start()
    modules = set(httpx.get(f"{web.url}/modules").json())
    assert f"{observed.name}.runtime.observe" in modules
    assert not modules & {"opentelemetry.sdk", "opentelemetry.exporter", "sentry_sdk", "prometheus_client"}


@pytest.mark.parametrize("fault", ["refuses", "hangs", "answers 500"])
def test_who_does_not_listen_stops_nothing(start: Start, collector: Receiver, fault: str) -> None:
    """No request is slower, the exit is in time, and one event a minute tells of it."""
    if fault == "hangs":
        collector.free.clear()
    collector.status = 500
    given = dict(told_to(collector, SHUTDOWN_GRACE_SECONDS="2"))
    if fault == "refuses":
        given |= {"OTEL_EXPORTER_OTLP_ENDPOINT": NOBODY, "SENTRY_DSN": "http://key@127.0.0.1:9/42"}
    plain, web = start(), start(given=given)
    medians = []
    for service in (plain, web):
        connection = Connection(service.port)
        for _ in range(20):  # until all is imported that is used
            connection.get("/boom")
        took = []
        for _ in range(300):
            began = time.perf_counter()
            connection.get("/")
            took.append(time.perf_counter() - began)
        medians.append(statistics.median(took))
        connection.close()
    assert medians[1] - medians[0] < 0.005
    if fault != "hangs":
        web.wait_event("telemetry lost")
    began = time.monotonic()
    web.terminate()
    assert web.wait() == 0
    assert time.monotonic() - began < 2 + 2, "later than the grace and two seconds"
    assert len(web.find("telemetry lost")) <= 1
    assert not web.find("process cut")


def test_the_end_of_a_process_loses_nothing(start: Start, collector: Receiver) -> None:
    """Spans of finished requests and captured errors are sent before each child ends."""
    web = start(given=told_to(collector, WEB_CONCURRENCY="2", OTEL_BSP_SCHEDULE_DELAY="60000"))
    web.wait_event("listening", count=2)
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda _: httpx.get(f"{web.url}/").status_code, range(100)))
    assert set(statuses) == {200}
    httpx.get(f"{web.url}/boom")
    httpx.get(f"{web.url}/whole/part/7")
    web.terminate("all")
    assert web.wait() == 0
    assert len(collector.spans("SERVER")) == 102
    assert collector.spans("SERVER", http_route="/whole/part/{key}"), "a part of the route alone"
    assert len(collector.errors()) == 1
    assert len({span.resource["service.instance.id"] for span in collector.spans()}) == 2


def test_metrics_of_two_processes_are_one(start: Start) -> None:
    """Counters are right, go on where a child dies, and no path makes a series of its own."""
    asked = "http_server_request_duration_seconds_count"
    with reserved_port() as metrics:
        web = start(WEB_CONCURRENCY="2", METRICS_PORT=str(metrics), SHUTDOWN_DRAIN_SECONDS="0")
        web.wait_event("listening", count=2)
        many(web.port, 1000, lambda _: "/")
        eventually(lambda: total(scrape(metrics), asked) == 2000, "2,000 requests")
        maps = {pid: Path(f"/proc/{pid}/maps").read_text() for pid in children(web.pid)}
        found = {pid: re.search(r"(?<=\s)/dev/shm/metrics-\w+", text) for pid, text in maps.items()}
        # One that has counted: the other may have got no connection.
        victim, folder = next((pid, match[0]) for pid, match in found.items() if match)
        os.kill(victim, signal.SIGKILL)
        web.wait_event("listening", count=3)
        assert {total(scrape(metrics), asked) for _ in range(10)} == {2000}
        before = len(scrape(metrics))
        many(web.port, 5000, lambda number: f"/{number}-{uuid4().hex}")
        eventually(lambda: total(scrape(metrics), asked) == 12_000, "12,000 requests")
        after = scrape(metrics)
        assert len(after) - before < 20, "series of one unknown path, with its buckets"
        assert total(after, "active") == 0
        web.terminate()
        assert web.wait() == 0
    assert not Path(folder).exists()


def many(port: int, count: int, path: Callable[[int], str]) -> None:
    """Send twice so many requests, on two connections that both processes may take."""

    def send(_: int) -> None:
        connection = Connection(port)
        for number in range(count):
            connection.get(path(number))
        connection.close()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(send, range(2)))


def test_an_idle_worker_tells_nothing(start: Start, collector: Receiver) -> None:
    """Polling, heartbeats and what looks for lost jobs make no span."""
    worker = start(process="worker", given=told_to(collector, LOG_LEVEL="debug"))
    worker.wait_event("job", job="rescue", count=2)
    worker.terminate()
    assert worker.wait() == 0
    assert not collector.spans()


def test_development_shows_traces(
    observed: Project, shared: Path, postgres: pg.Server, tmp_path: Path
) -> None:
    """As trees, from over OTLP, with DEV_TRACES=1."""
    development = environment(shared, observed, dev=True) / "bin"
    with reserved_port() as port:
        variables = {
            "PATH": f"{development}:/usr/bin:/bin",
            "DATABASE_URL": postgres.url(postgres.create()),
            "DEV_TRACES": "1",
            "PORT": str(port),
            "TERM": "xterm",
        }
        project = observed.copy(tmp_path / "project")
        python, cwd = str(development / "python"), str(project.path)
        dev = pexpect.spawn(python, ["-m", "dev"], cwd=cwd, env=variables, encoding="utf-8", timeout=30)
        dev.expect("working")
        wait_for_port(port)
        assert Connection(port).post("/notes", {"text": "one"})[0].status == 201
        dev.expect(r"trace [0-9a-f]{32}\r\n  POST /notes +[0-9.]+ ms  web     201\r\n    INSERT ")
        dev.expect(r"\n    enqueue count_words .*\n      count_words .* worker  succeeded\r\n")
        dev.sendintr()
        dev.expect(pexpect.EOF)
        dev.close()
        assert dev.exitstatus == 0


def test_bad_variables_are_named(start: Start) -> None:
    """All of them at once, with 78, and never a value (C-7)."""
    wrong = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "collector-4318",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "ftp://collector",
        "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://:4318",
        "SENTRY_DSN": "https://sentry.example.com/planted",
        "METRICS_PORT": "8000",
        "PORT": "8000",
    }
    web = start(given=wrong)
    assert web.wait() == os.EX_CONFIG
    (event,) = web.events
    assert event["problems"].keys() == wrong.keys() - {"PORT"}
    assert not any(value in web.lines[0] for value in wrong.values() if value != "8000")
