"""XI. Logs: whoever is told, and however they fail, the service goes on and loses nothing (C-27)."""

import os
import re
import signal
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import httpx
import psutil
import psycopg
import pytest

from tests.conftest import Start
from tests.support.client import Connection, reserved_port
from tests.support.patience import SLACK
from tests.support.processes import children
from tests.support.project import Project
from tests.support.service import eventually
from tests.support.telemetry import Receiver, Series, scrape, told_to, total

NOBODY = "http://127.0.0.1:9"  # the port of `discard`, where nobody listens


def test_the_port_of_the_metrics_is_not_inherited(observing: Start) -> None:
    """C-15: else it would be taken after the end for as long as a pool's process lives."""
    with reserved_port() as metrics:
        web = observing(METRICS_PORT=str(metrics))
        child = psutil.Process(httpx.get(f"{web.url}/child").json())
        eventually(lambda: not [one for one in child.net_connections() if one.status == "LISTEN"], "closed")
        assert scrape(metrics)


@pytest.mark.parametrize("fault", ["refuses", "hangs", "is slow", "answers 500"])
def test_who_does_not_listen_stops_nothing(observing: Start, collector: Receiver, fault: str) -> None:
    """No request waits for it, the exit is in time, and one event a minute tells of it."""
    if fault == "hangs":
        collector.free.clear()
    collector.status, collector.seconds = (200, 3) if fault == "is slow" else (500, 0)
    given = dict(told_to(collector, SHUTDOWN_GRACE_SECONDS="2"))
    if fault == "refuses":
        given |= {"OTEL_EXPORTER_OTLP_ENDPOINT": NOBODY, "SENTRY_DSN": "http://key@127.0.0.1:9/42"}
    web = observing(given=given)
    connection, took = Connection(web.port), list[float]()
    for path in ("/boom", "/") * 100:
        began = time.perf_counter()
        connection.get(path)
        took.append(time.perf_counter() - began)
    connection.close()
    assert statistics.median(took) < 0.5, "they wait for a receiver that takes seconds, or for ever"
    if fault == "is slow":
        assert collector.wait_spans(1, "SERVER")
    elif fault != "hangs":
        web.wait_event("telemetry lost")
    began = time.monotonic()
    web.terminate()
    assert web.wait() == 0
    assert time.monotonic() - began < 2 + 2 + SLACK, "later than the grace and two seconds"
    assert len(web.find("telemetry lost")) <= 1
    assert not web.find("process cut")


def test_the_end_of_a_process_loses_nothing(observing: Start, collector: Receiver) -> None:
    """Spans of finished requests and captured errors are sent before each child ends."""
    web = observing(given=told_to(collector, WEB_CONCURRENCY="2", OTEL_BSP_SCHEDULE_DELAY="60000"))
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


def test_metrics_of_two_processes_are_one(observing: Start) -> None:
    """Counters are right, go on where a child dies, and no path makes a series of its own."""
    asked = "http_server_request_duration_seconds_count"
    with reserved_port() as metrics:
        web = observing(WEB_CONCURRENCY="2", METRICS_PORT=str(metrics), SHUTDOWN_DRAIN_SECONDS="0")
        web.wait_event("listening", count=2)
        many(web.port, 1_000, lambda _: "/")
        eventually(lambda: total(scrape(metrics), asked) == 2_000, "2,000 requests")
        maps = {pid: Path(f"/proc/{pid}/maps").read_text() for pid in children(web.pid)}
        found = {pid: re.search(r"(?<=\s)/dev/shm/metrics-\w+", text) for pid, text in maps.items()}
        # One that has counted: the other may have got no connection.
        victim, folder = next((pid, match[0]) for pid, match in found.items() if match)
        os.kill(victim, signal.SIGKILL)
        web.wait_event("listening", count=3)
        assert {total(scrape(metrics), asked) for _ in range(10)} == {2_000}
        before = len(scrape(metrics))
        many(web.port, 5_000, lambda number: f"/{number}-{uuid4().hex}")
        eventually(lambda: total(scrape(metrics), asked) == 12_000, "12,000 requests")
        after = scrape(metrics)
        assert len(after) - before < 20, "series of one unknown path, with its buckets"
        assert total(after, "active") == 0
        web.terminate()
        assert web.wait() == 0
    assert not Path(folder).exists()


@pytest.mark.every_framework
def test_a_pool_tells_what_is_in_use_and_how_long_one_waits(observing: Start, collector: Receiver) -> None:
    """Of two connections two are in use, who wants a third waits; in the end none is. Errors quote no row."""
    waits = "db_client_connection_wait_time_seconds"
    with reserved_port() as metrics, ThreadPoolExecutor() as pool:
        web = observing(given=told_to(collector, METRICS_PORT=str(metrics), DATABASE_POOL_SIZE="2"))
        web.wait_event("listening")

        def post() -> int:
            return Connection(web.port).post("/notes", {"text": "one"})[0].status

        def in_use() -> float:
            return total(scrape(metrics), "db_client_connection_count", db_client_connection_state="used")

        with psycopg.connect(web.variables["DATABASE_URL"]) as connection:
            connection.execute("LOCK TABLE notes")  # until the end of the block
            slow = [pool.submit(post) for _ in range(2)]
            eventually(lambda: in_use() == 2, "two connections in use")
            assert post() == 503
        assert [each.result() for each in slow] == [201, 201]
        eventually(lambda: in_use() == 0, "no connection in use")
        assert Connection(web.port).post("/swallow/sql", {})[0].status == 500
        series = scrape(metrics)
        web.terminate()
        assert web.wait() == 0, web.report()
    failed = {span.attributes["error.type"] for span in collector.spans("CLIENT") if span.failed}
    assert failed in ({"UniqueViolation"}, {"IntegrityError"})
    traces = (body for path, body in collector.bodies if path == "/v1/traces")
    assert not any(b"already exists" in body for body in traces), "a value of the row"
    assert total(series, f"{waits}_sum") > 0.8, "the wait that came to nothing"
    points = collector.points("db.client.connection.wait_time")
    assert sum(point["count"] for point in points) == total(series, f"{waits}_count")
    assert {point["db.client.connection.pool.name"] for point in points} == {"postgres"}
    assert "db.client.connection.count" in collector.text()


def test_a_worker_reports_how_many_jobs_wait(observed: Project, observing: Start) -> None:
    """By queue, and none once all of them have run."""
    if not observed.has_queue:
        pytest.skip("it has no jobs")
    with reserved_port() as metrics:
        web = observing()
        for _ in range(3):
            assert httpx.post(f"{web.url}/notes", json={"text": "one two"}).status_code == 201
        worker = observing(process="worker", METRICS_PORT=str(metrics))
        worker.wait_event("job", outcome="succeeded", count=3)
        eventually(lambda: bool(waiting(scrape(metrics))), "jobs_waiting")
        eventually(lambda: set(waiting(scrape(metrics)).values()) == {0.0}, "no job waits")


def waiting(series: Series) -> dict[str, float]:
    """Return the number of jobs in each queue."""
    return {
        dict(labels)["queue"]: value for (name, labels), value in series.items() if name == "jobs_waiting"
    }


def many(port: int, count: int, path: Callable[[int], str]) -> None:
    """Send twice so many requests, on two connections that both processes may take."""

    def send(_: int) -> None:
        connection = Connection(port)
        for number in range(count):
            connection.get(path(number))
        connection.close()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(send, range(2)))
