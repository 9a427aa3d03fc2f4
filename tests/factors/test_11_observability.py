"""XI. Logs, and what else a service tells of itself: traces, metrics and errors (C-27)."""

import os
from pathlib import Path
from uuid import uuid4

import httpx
import pexpect
import pytest

from tests.conftest import Start
from tests.support import postgres as pg
from tests.support.client import Connection, reserved_port, wait_for_port
from tests.support.isolation import OWNING_NOTHING, needs
from tests.support.patience import PATIENCE
from tests.support.project import Project, environment
from tests.support.service import eventually
from tests.support.telemetry import SECRETS, Receiver, scrape, told_to, total

PARENT = {"trace": uuid4().hex, "id": uuid4().hex[:16]}


@pytest.mark.every_framework
def test_a_request_its_job_and_their_errors(observed: Project, observing: Start, collector: Receiver) -> None:
    """One trace over two processes, its ids in the log, one error in Sentry, and no value anywhere."""
    with reserved_port() as metrics:
        web = observing(given=told_to(collector, METRICS_PORT=str(metrics)))
        worker = observing(process="worker", given=told_to(collector)) if observed.has_queue else None
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
        below = {span.name for span in collector.spans("CLIENT") if span.parent == run.id}
        assert below - {"redis"}, "no query of the job's"
        assert ("redis" in below) == observed.has_redis, "no command that counts the attempt"
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


def test_nothing_of_it_is_imported_while_it_is_off(observed: Project, observing: Start) -> None:
    """FastAPI itself imports the API of OpenTelemetry's, which does nothing by itself."""
    web = observing()
    modules = set(httpx.get(f"{web.url}/modules").json())
    assert f"{observed.name}.runtime.observe" in modules
    assert not modules & {"opentelemetry.sdk", "opentelemetry.exporter", "sentry_sdk", "prometheus_client"}


def test_an_idle_worker_tells_nothing(observing: Start, collector: Receiver) -> None:
    """Polling, heartbeats and what looks for lost jobs make no span."""
    worker = observing(process="worker", given=told_to(collector, LOG_LEVEL="debug"))
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
        dev = pexpect.spawn(python, ["-m", "dev"], cwd=cwd, env=variables, encoding="utf-8", timeout=PATIENCE)
        dev.expect("working")
        wait_for_port(port)
        assert Connection(port).post("/notes", {"text": "one"})[0].status == 201
        dev.expect(r"trace [0-9a-f]{32}\r\n  POST /notes +[0-9.]+ ms  web     201\r\n")
        dev.expect(r"    INSERT ")  # behind what SQLAlchemy asks on its first connection
        dev.expect(r"\n    enqueue count_words .*\n      count_words .* worker  succeeded\r\n")
        dev.sendintr()
        dev.expect(pexpect.EOF)
        dev.close()
        assert dev.exitstatus == 0


def test_bad_variables_are_named(observing: Start) -> None:
    """All of them at once, with 78, and never a value (C-7)."""
    wrong = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "collector-4318",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "ftp://collector",
        "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://:4318",
        "SENTRY_DSN": "https://sentry.example.com/planted",
        "METRICS_PORT": "8000",
        "PORT": "8000",
    }
    web = observing(given=wrong)
    assert web.wait() == os.EX_CONFIG
    (event,) = web.events
    assert event["problems"].keys() == wrong.keys() - {"PORT"}
    assert not any(value in web.lines[0] for value in wrong.values() if value != "8000")


def test_bad_variables_of_the_sdk_are_named(observing: Start) -> None:
    """It reads them itself, and of a bad one makes a traceback or its default; empty is unset (C-6, C-7)."""
    wrong = {
        "OTEL_TRACES_SAMPLER": "planted",
        "OTEL_EXPORTER_OTLP_TIMEOUT": "planted",
        "OTEL_BSP_SCHEDULE_DELAY": "-1",
        "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "planted",
        "OTEL_METRICS_EXEMPLAR_FILTER": "planted",
        "OTEL_PROPAGATORS": "planted",
    }
    web = observing(given={**wrong, "PORT": "no-port", "OTEL_BSP_MAX_QUEUE_SIZE": ""}, WEB_CONCURRENCY="2")
    assert web.wait() == os.EX_CONFIG
    (event,) = web.events
    assert event["problems"].keys() == wrong.keys() | {"PORT"}
    assert "planted" not in web.lines[0]


def test_all_of_it_works_without_a_place_to_write(observing: Start, collector: Receiver) -> None:
    """With a root file system that is read-only, as a user who owns nothing (C-3), and an empty variable."""
    needs(OWNING_NOTHING)
    with reserved_port() as metrics:
        given = told_to(collector, METRICS_PORT=str(metrics), WEB_CONCURRENCY="2", OTEL_BSP_MAX_QUEUE_SIZE="")
        web = observing(isolation=OWNING_NOTHING, given=given)
        web.wait_event("listening", count=2)
        assert httpx.get(f"{web.url}/").status_code == 200
        counted = "http_server_request_duration_seconds_count"  # once the response has been sent
        eventually(lambda: total(scrape(metrics), counted) == 1, "count of the request")
        web.terminate()
        assert web.wait() == 0
    assert len(collector.spans("SERVER")) == 1
