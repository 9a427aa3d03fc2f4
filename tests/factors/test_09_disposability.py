"""IX. Disposability: SIGTERM loses nothing (C-15)."""

import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.conftest import Start
from tests.support import processes
from tests.support.client import Connection, WebSocket, read_to_end, refuses, send_raw, status
from tests.support.patience import SLACK
from tests.support.project import Project
from tests.support.router import Router
from tests.support.service import Service

SENT_TO = pytest.mark.parametrize("to", ["root", "all"])
WORKERS = pytest.mark.parametrize("workers", ["1", "2"])


def boot(start: Start, workers: str = "1", drain: str = "0.5", grace: str = "10") -> Service:
    """Start `web` and wait until each of its processes listens."""
    service = start(
        WEB_CONCURRENCY=workers, SHUTDOWN_DRAIN_SECONDS=drain, SHUTDOWN_GRACE_SECONDS=grace, LOG_LEVEL="info"
    )
    service.wait_event("listening", count=int(workers))
    return service


def assert_ended_well(service: Service) -> None:
    """Assert exit status 0, nothing left running, and nothing logged as an error."""
    assert service.wait() == 0, service.report()
    assert processes.group(service.pid) == []
    assert not [event for event in service.events if event["level"] in ("error", "critical")]
    assert service.find("draining")
    assert service.events[-1]["event"] == "stopped"


@SENT_TO
@WORKERS
def test_sigterm_ends_it_with_0_after_the_drain(start: Start, to: str, workers: str) -> None:
    """C-15."""
    service = boot(start, workers, drain="0.5")
    began = time.monotonic()
    service.terminate(to)
    assert_ended_well(service)
    assert 0.5 <= time.monotonic() - began < 2 + SLACK, "it waited for the grace"


@WORKERS
def test_sigint_does_the_same(start: Start, workers: str) -> None:
    """C-15: Ctrl-C in a terminal goes to the whole group."""
    service = boot(start, workers)
    service.signal(signal.SIGINT, "all")
    assert_ended_well(service)


@SENT_TO
@WORKERS
def test_repeated_signals_change_nothing(start: Start, to: str, workers: str) -> None:
    """C-15: once or several times, also while a request is in flight."""
    service = boot(start, workers, drain="0.5")
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(status, service.port, "/slow?seconds=1.5")
        service.wait_event("slow has begun")
        service.terminate(to)
        service.wait_event("draining")
        service.terminate("all")
        while not refuses(service.port):  # until it has drained
            service.terminate(to)
        service.terminate("all")
        assert slow.result() == 200
    assert_ended_well(service)


@SENT_TO
@WORKERS
@pytest.mark.parametrize("path", ["/slow", pytest.param("/slow-sync", marks=pytest.mark.asgi)])
def test_requests_in_flight_are_finished(start: Start, to: str, workers: str, path: str) -> None:
    """C-15."""
    service = boot(start, workers, drain="0.2")
    with ThreadPoolExecutor() as pool:
        slow = [pool.submit(status, service.port, f"{path}?seconds=2") for _ in range(4)]
        service.wait_event(f"{path[1:]} has begun", count=4)
        service.terminate(to)
        assert [each.result() for each in slow] == [200] * 4
    assert_ended_well(service)


@SENT_TO
@WORKERS
def test_readyz_says_no_at_once(start: Start, to: str, workers: str) -> None:
    """C-15, C-11: by every process of it."""
    service = boot(start, workers, drain="5")
    assert status(service.port, "/readyz") == 200
    service.terminate(to)
    service.wait_event("draining", count=int(workers))
    assert {status(service.port, "/readyz") for _ in range(20)} == {503}
    assert {status(service.port, "/livez") for _ in range(20)} == {200}


@WORKERS
def test_new_connections_are_served_during_the_drain_and_closed(start: Start, workers: str) -> None:
    """C-15: `Connection: close` is on every response."""
    service = boot(start, workers, drain="5")
    known = Connection(service.port)
    assert known.get("/")[0].headers["connection"] in (None, "keep-alive")
    service.terminate()
    service.wait_event("draining", count=int(workers))
    response, _ = known.get("/")
    assert (response.status, response.headers["connection"]) == (200, "close")
    for _ in range(8):
        answer = send_raw(service.port, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 200")
        assert b"\r\nconnection: close\r\n" in answer.lower()


@WORKERS
def test_it_stops_listening_after_the_drain(start: Start, workers: str) -> None:
    """C-15: nothing waits in a backlog that nobody serves."""
    service = boot(start, workers, drain="0.3", grace="20")
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(status, service.port, "/slow?seconds=10")
        service.wait_event("slow has begun")
        service.terminate()
        deadline = time.monotonic() + 0.3 + SLACK
        while not refuses(service.port):
            assert time.monotonic() < deadline, "it still listens long after the drain"
        assert not slow.done()
        assert slow.result() == 200
    assert_ended_well(service)


def test_idle_connections_are_closed(start: Start) -> None:
    """C-15: they do not hold up the end."""
    service = boot(start)
    connection = Connection(service.port)
    connection.get("/")
    service.terminate()
    assert connection.is_closed_within(0.5 + SLACK)
    assert_ended_well(service)


def test_event_streams_are_closed(start: Start) -> None:
    """C-15: an endless response ends after the drain, not after the grace, and ends cleanly."""
    service = boot(start, grace="20")
    connection = Connection(service.port)
    connection.sock.sendall(b"GET /sse HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert b"200" in connection.sock.recv(65536)
    began = time.monotonic()
    service.terminate()
    assert read_to_end(connection.sock).endswith(b"0\r\n\r\n")
    assert_ended_well(service)
    assert time.monotonic() - began < 8 + SLACK


ENDLESS = """

asked = asyncio.Event()


@router.get("/ask")
async def ask() -> None:
    asked.set()


@router.get("/endless")
async def endless() -> StreamingResponse:
    async def lines() -> AsyncIterator[str]:
        await asked.wait()
        while True:
            yield "{}\\n"
            await asyncio.sleep(0.05)

    no_end = {"X-Accel-Buffering": "no"}
    return StreamingResponse(lines(), media_type="application/x-ndjson", headers=no_end)


@router.websocket("/echo")
async def echo_on(socket: WebSocket) -> None:
    await socket.accept()
    while True:
        await socket.send_text(await socket.receive_text())
"""


@pytest.mark.asgi
def test_endless_responses_and_websockets_of_ones_own(start: Start, copied: Project) -> None:
    """C-10, C-15, C-22, C-28: the head waits for no line; `X-Accel-Buffering: no` ends any response.

    A client may close a websocket.
    """
    if copied.answers()["framework"] != "fastapi":
        pytest.skip("the steps are the same bytes for each framework")
    copied.add_routes()
    copied.append("routes.py", ENDLESS)
    service = start(copied, SHUTDOWN_DRAIN_SECONDS="0.3", SHUTDOWN_GRACE_SECONDS="20")
    websocket = WebSocket(service.port, "/echo")
    websocket.send(b"hello")
    assert websocket.receive() == (1, b"hello")
    websocket.sock.shutdown(socket.SHUT_RDWR)
    assert service.wait_event("request", path="/echo")["status"] == 101
    connection = Connection(service.port)
    connection.sock.sendall(b"GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert connection.sock.recv(65536).endswith(b"\r\n\r\n")
    assert status(service.port, "/ask") == 200
    began = time.monotonic()
    service.terminate()
    assert read_to_end(connection.sock).endswith(b"0\r\n\r\n")
    assert_ended_well(service)
    assert time.monotonic() - began < 8 + SLACK


@pytest.mark.asgi
def test_websockets_are_closed(start: Start) -> None:
    """C-15: with the code for a service that restarts."""
    service = boot(start, grace="10")
    websocket = WebSocket(service.port, "/ws")
    assert websocket.status == 101
    websocket.send(b"hello")
    assert websocket.receive() == (1, b"hello")
    began = time.monotonic()
    service.terminate()
    assert websocket.close_code() == 1012
    assert_ended_well(service)
    assert time.monotonic() - began < 2 + SLACK


@SENT_TO
@WORKERS
@pytest.mark.parametrize(
    "path",
    [
        "/slow?seconds=60",
        "/stubborn",
        pytest.param("/slow-sync?seconds=60", marks=pytest.mark.asgi),
        pytest.param("/blocking?seconds=60", marks=pytest.mark.asgi),
    ],
)
def test_what_outlasts_the_grace_is_cut(start: Start, to: str, workers: str, path: str) -> None:
    """C-15: with a log event, and the process has ended 2 s later, whatever hangs."""
    service = boot(start, workers, drain="0.3", grace="1")
    connection = Connection(service.port)
    connection.request("GET", path)
    service.wait_event(f"{path[1:].partition('?')[0]} has begun")
    began = time.monotonic()
    service.terminate(to)
    assert service.wait() == 0, service.report()
    assert 1.3 <= time.monotonic() - began < 1.3 + 2 + SLACK
    assert processes.group(service.pid) == []
    since = service.events[service.events.index(service.find("draining")[0]) :]
    assert [event for event in since if event["level"] in ("warning", "error")], service.report()


@WORKERS
def test_pools_are_released(start: Start, copied: Project, workers: str) -> None:
    """C-15: once by each process, after the last request; and also where something had to be cut."""
    copied.add_routes()
    copied.add_lifespan()
    service = start(copied, WEB_CONCURRENCY=workers, SHUTDOWN_DRAIN_SECONDS="0.1", SHUTDOWN_GRACE_SECONDS="1")
    service.wait_event("listening", count=int(workers))
    connection = Connection(service.port)
    connection.request("GET", "/slow?seconds=60")
    service.wait_event("slow has begun")
    service.terminate()
    assert service.wait() == 0
    assert len(service.find("pools opened")) == len(service.find("pools released")) == int(workers)
    names = [event["event"] for event in service.events]
    assert names.index("request") > names.index("draining"), "C-22: what is cut has its access event too"
    assert names[-2:] == ["pools released", "stopped"]


def test_an_end_that_fails_is_told(start: Start, copied: Project) -> None:
    """C-15, C-20: in one event."""
    copied.add_lifespan(stop="raise RuntimeError('the end failed')")
    service = start(copied, SHUTDOWN_DRAIN_SECONDS="0")
    service.wait_event("listening")
    service.terminate()
    service.wait()
    [event] = [event for event in service.events if event["level"] in ("error", "critical")]
    assert "the end failed" in event["exception"]


@SENT_TO
@WORKERS
def test_rolling_restarts_lose_no_request(start: Start, to: str, workers: str) -> None:
    """C-15: with the default drain, and a router that sends for 1.5 s to what was told to stop."""
    instances = [start(WEB_CONCURRENCY=workers) for _ in range(2)]
    with Router(*(service.port for service in instances)) as router:
        for _ in range(2):
            new = start(WEB_CONCURRENCY=workers)
            router.add(new.port)
            old = instances.pop(0)
            instances.append(new)
            old.terminate(to)
            router.remove_late(old.port)
            assert_ended_well(old)
    assert router.failures == []
    assert router.served > 200
