"""XI. Logs: a stream of events on stdout (C-20, C-21).

That stdout is all JSON and stderr empty is asserted by `start`, here as in every other test.
"""

import os
import re
import signal
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pexpect
import pytest

from tests.conftest import Start
from tests.support.client import Connection, reserved_port, send_raw, status, wait_for_port
from tests.support.processes import children
from tests.support.project import Project
from tests.support.service import Event, Service

WORKERS = pytest.mark.parametrize("workers", ["1", "2"])
REQUIRED = {"timestamp", "level", "event", "logger", "process"}
RFC_3339_UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)")
PATHS = [
    "/",
    "/print",
    "/warn",
    "/boom",
    "/deep",
    "/thread",
    "/log-long",
    "/late-boom",
    "/nowhere",
    "/teapot",
]


def get(service: Service, path: str) -> None:
    """Send a request of its own, whatever comes of it."""
    send_raw(service.port, f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())


def a_whole_life(start: Start, workers: str) -> list[Event]:
    """Return the events of a service to which everything happens."""
    service = start(WEB_CONCURRENCY=workers, SHUTDOWN_DRAIN_SECONDS="0.2", PYTHONWARNINGS="always")
    for path in PATHS:
        get(service, path)
    service.wait_event("thread crashed")
    if workers != "1":
        service.wait_event("listening", count=int(workers))  # one that dies before it serves ends all
        os.kill(children(service.pid)[0], signal.SIGKILL)
        service.wait_event("worker died")
        service.wait_event("listening", count=int(workers) + 1)
    service.terminate("all")
    assert service.wait() == 0
    assert max(len(line.encode()) for line in service.lines) <= 8_000, "C-21: no line passes 8 kB"
    return service.events


@WORKERS
def test_every_line_of_a_whole_life_is_an_event(start: Start, workers: str) -> None:
    """C-20, C-21: boot, prints, warnings, errors, a thread that dies, a child that is killed, SIGTERM."""
    events = a_whole_life(start, workers)
    for event in events:
        assert event.keys() >= REQUIRED, event
        assert event["process"] == "web"
        assert event["level"] in {"debug", "info", "warning", "error", "critical"}
        assert RFC_3339_UTC.fullmatch(event["timestamp"])
        assert abs(datetime.fromisoformat(event["timestamp"]) - datetime.now(UTC)) < timedelta(minutes=2)
        assert isinstance(event["event"], str)
    assert "a-local-variable" not in str(events), "C-21: tracebacks without local variables"
    assert events[0]["event"] == "starting"
    assert events[-1]["event"] == "stopped"


@WORKERS
def test_one_access_event_a_request(start: Start, workers: str) -> None:
    """C-22."""
    requests = [event for event in a_whole_life(start, workers) if event["event"] == "request"]
    assert sorted(event["path"] for event in requests) == sorted(PATHS)
    for event in requests:
        assert event["level"] == "info"
        assert event["method"] == "GET"
        assert isinstance(event["duration_ms"], int | float)
        assert event["duration_ms"] >= 0
        assert event["client"] == "127.0.0.1"
        assert event["request_id"]
    by_path = {event["path"]: (event["status"], event["bytes"]) for event in requests}
    assert by_path["/boom"][0] == by_path["/deep"][0] == 500
    assert by_path["/nowhere"][0] == 404
    assert by_path["/teapot"][0] == 418
    assert by_path["/late-boom"] == (200, len("begun"))


def test_the_bytes_and_the_duration_are_right(web: Service) -> None:
    """C-22: bytes of the body, and milliseconds."""
    _, body = Connection(web.port).get("/slow?seconds=0.2")
    event = web.wait_event("request", path="/slow")
    assert event["bytes"] == len(body)
    assert 200 <= event["duration_ms"] < 5_000


def test_a_client_that_leaves_is_no_error(start: Start) -> None:
    """C-22: one access event all the same, and no traceback."""
    service = start(SHUTDOWN_DRAIN_SECONDS="0")
    connection = Connection(service.port)
    connection.request("GET", "/sse")
    connection.sock.recv(1)
    connection.close()
    service.wait_event("request", path="/sse")
    service.terminate()
    service.wait()
    assert len(service.find("request")) == 1
    assert not [event for event in service.events if event["level"] in ("warning", "error", "critical")]


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_health_is_not_logged_at_info(start: Start, path: str) -> None:
    """C-11."""
    quiet, loud = start(), start(LOG_LEVEL="debug")
    for service in (quiet, loud):
        assert status(service.port, path) == 200
        assert status(service.port, "/") == 200
        service.wait_event("request", path="/")
    assert not quiet.find("request", path=path)
    assert loud.find("request", path=path, level="debug")


def test_an_error_is_one_event_with_its_traceback(web: Service) -> None:
    """C-13."""
    response, _ = Connection(web.port).get("/boom")
    assert response.status == 500
    event = web.wait_event("request failed", path="/boom")
    assert event["level"] == "error"
    assert event["exception"].rstrip().endswith("RuntimeError: this went wrong")
    assert "in boom\n    raise kinds.get(" in event["exception"]
    web.wait_event("request", path="/boom")
    assert len([event for event in web.events if "this went wrong" in str(event)]) == 1


def test_a_long_traceback_keeps_its_two_ends(web: Service) -> None:
    """C-21."""
    Connection(web.port).get("/deep")
    event = web.wait_event("request failed", path="/deep")
    assert event["exception"].startswith("Traceback")
    assert "xxxx" in event["exception"]


def test_the_request_id_is_on_every_event_of_a_request(web: Service) -> None:
    """C-12: on what is printed, warned of and logged, on the error and on the access event."""
    for path in ("/print", "/warn", "/log?text=hello", "/boom"):
        request_id = f"id-of-{path[1:4]}"
        response, _ = Connection(web.port).get(path, X_Request_ID=request_id)
        assert response.headers["x-request-id"] == request_id
        web.wait_event("request", request_id=request_id)
    ids = {event["event"]: event.get("request_id") for event in web.events}
    assert ids["printed to stdout"] == ids["printed to stderr"] == "id-of-pri"
    assert ids["somebody said hello"] == "id-of-log"
    assert [event["request_id"] for event in web.events if "take care" in event["event"]] == ["id-of-war"]
    assert web.find("request failed", request_id="id-of-boo")


@pytest.mark.parametrize("given", ["a", "A-Za-z0-9._-", "f" * 200])
def test_a_good_request_id_is_kept(web: Service, given: str) -> None:
    """C-12."""
    response, _ = Connection(web.port).get("/", X_Request_ID=given)
    assert response.headers["x-request-id"] == given


@pytest.mark.parametrize("given", ["", "f" * 201, "a b", "a\tb", "{}", "é", "a\x00b", 'a","level":"critical'])
def test_a_bad_request_id_is_replaced(web: Service, given: str) -> None:
    """C-12."""
    request = f"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-Request-ID: {given}\r\n\r\n"
    answer = send_raw(web.port, request.encode("latin-1")).decode("latin-1")
    if answer.startswith("HTTP/1.1 400"):
        return  # refused as HTTP
    match = re.search(r"^x-request-id: ([A-Za-z0-9._-]{1,200})\r$", answer, re.MULTILINE | re.IGNORECASE)
    assert match
    assert match[1] != given
    assert web.wait_event("request", request_id=match[1])


def test_each_request_has_an_id_of_its_own(web: Service) -> None:
    """C-12."""
    connection = Connection(web.port)
    assert len({connection.get("/")[0].headers["x-request-id"] for _ in range(20)}) == 20


def test_line_breaks_forge_no_event(web: Service) -> None:
    """C-21: neither in a path nor in what user code logs and prints of its input."""
    forged = '%0A{"event":"forged","level":"critical"}%0D%0A%E2%80%A8%1B[31m'
    get(web, f"/log?text=x{forged}")
    get(web, f"/nowhere{forged}")
    web.wait_event("request", status=404)
    web.wait_event("request", path="/log", level="info")  # the route binds keys of ours to its input
    assert not web.find("forged")
    assert all(event.keys() >= REQUIRED for event in web.events)
    assert not any("\x1b" in line for line in web.lines)


def test_secrets_of_requests_are_not_logged(start: Start) -> None:
    """C-22: query strings, `Authorization` and cookies; also where the request fails, and at debug."""
    service = start(LOG_LEVEL="debug")
    for path in ("/", "/boom", "/nowhere", "/teapot"):
        request = (
            f"GET {path}?token=swordfish-query HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
            "Authorization: Bearer swordfish-token\r\nCookie: session=swordfish-cookie\r\n\r\n"
        )
        send_raw(service.port, request.encode())
        service.wait_event("request", path=path)
    assert "swordfish" not in service.report()


@WORKERS
def test_the_release_is_logged_once_at_start(start: Start, workers: str) -> None:
    """C-6."""
    service = start(
        WEB_CONCURRENCY=workers,
        DYNO="web.1",
        HEROKU_APP_NAME="order-desk",
        HEROKU_RELEASE_VERSION="v42",
        HEROKU_BUILD_COMMIT="c0ffee",
    )
    service.wait_event("listening", count=int(workers))
    [event] = service.find("starting")
    fields = ("version", "release", "commit", "app", "dyno")
    assert [event[name] for name in fields] == ["v42", "v42", "c0ffee", "order-desk", "web.1"]


def test_the_level_is_a_setting(start: Start) -> None:
    """C-6: at `error` there is nothing to say but the error."""
    with reserved_port() as port:
        service = start(LOG_LEVEL="ERROR", PORT=str(port))
        wait_for_port(port)
        assert [status(port, path) for path in ("/", "/warn", "/boom")] == [200, 200, 500]
    service.terminate()
    assert service.wait() == 0
    assert [event["event"] for event in service.events] == ["request failed"]


def test_console_is_readable(start: Start) -> None:
    """C-21: text for people, one event or traceback after the other."""
    service = start(LOG_FORMAT="console", SHUTDOWN_DRAIN_SECONDS="0")
    service.wait_until(lambda: any("listening" in line for line in service.lines), "listening")
    found = re.search(r"port\W[^0-9]*(\d+)", re.sub(r"\x1b\[[0-9;]*m", "", "".join(service.lines)))
    assert found
    assert status(int(found[1]), "/boom") == 500
    assert status(int(found[1]), "/no%1b[1A%1b[2K%C2%9bwhere") == 404
    service.terminate()
    assert service.wait() == 0
    assert not any(line.startswith("{") for line in service.lines)
    assert "RuntimeError: this went wrong\n" in service.lines
    (nowhere,) = [line for line in service.lines if "where" in line]
    assert "\\x1b[1A\\x1b[2K\\x9b" in nowhere, "C-21: a terminal would obey it"
    assert "a-local-variable" not in service.report()


@pytest.mark.parametrize("log_format", ["auto", "json"])
def test_a_terminal_gets_colours_unless_json_is_set(
    probed: Project, production: Path, attached: Mapping[str, str], log_format: str
) -> None:
    """C-6, C-21."""
    environment = {"PATH": str(production / "bin"), "PORT": "0", "LOG_FORMAT": log_format, "TERM": "xterm"}
    environment |= attached
    [python, *arguments] = probed.procfile()["web"]
    terminal = pexpect.spawn(
        str(production / "bin" / python), arguments, cwd=str(probed.path), env=environment, encoding="utf-8"
    )
    terminal.expect("listening.*\n")
    terminal.sendintr()
    said = f"{terminal.before}{terminal.after}"
    assert ("\x1b[" in said, '{"' in said) == ((True, False) if log_format == "auto" else (False, True))
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 0
