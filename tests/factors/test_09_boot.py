"""IX. Disposability: SIGTERM during the boot (C-15), and starts that fail (C-7)."""

import os
import signal
import time
from collections.abc import Sequence

import pytest

from tests.conftest import Start
from tests.support import processes
from tests.support.isolation import AS_PROCESS_1, needs
from tests.support.patience import PATIENCE, SLACK
from tests.support.project import Project
from tests.support.service import Service

SENT_TO = pytest.mark.parametrize("to", ["root", "all"])
WORKERS = pytest.mark.parametrize("workers", ["1", "2"])
MOMENTS = (0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.45, 0.6, 0.75, 0.9, 0.95, 1.0)  # parts of a boot


def wait_for_handler(service: Service) -> int:
    """Wait for the first line of the service's own code, and return its root process."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if service.isolated and not processes.children(service.pid):
            continue
        if processes.handles(service.root, signal.SIGTERM):
            return service.root
    raise AssertionError("it never handled SIGTERM")


def boot_seconds(start: Start, isolation: Sequence[str] = (), workers: str = "1") -> float:
    """Measure how long a boot takes here and now: the second of two, because the first may compile."""
    for _ in range(2):
        service = start(isolation=isolation, WEB_CONCURRENCY=workers)
        service.wait_event("listening", count=int(workers))
        seconds = time.monotonic() - service.started_at
        service.kill()
    return seconds


def assert_ended_quietly(service: Service, began: float) -> None:
    """Assert that it ended at once, with nothing left running and nothing to complain of."""
    assert time.monotonic() - began < 2 + SLACK
    assert processes.group(service.pid) == []
    assert not [event for event in service.events if event["level"] not in ("debug", "info")], (
        service.report()
    )


def test_sigterm_is_handled_before_anything_is_imported(start: Start) -> None:
    """C-15: what is loaded first of the dependencies' compiled modules comes after the handler."""
    service = start()
    root = wait_for_handler(service)
    service.signal(signal.SIGSTOP)
    assert not processes.has_loaded(root, "orjson")
    assert not processes.has_loaded(root, "pydantic_core")
    service.signal(signal.SIGCONT)
    service.wait_event("listening")
    assert processes.has_loaded(root, "pydantic_core")


@SENT_TO
@WORKERS
def test_sigterm_during_the_boot_ends_it_at_once(start: Start, to: str, workers: str) -> None:
    """C-15: with 0; only what was not yet running code of ours may end by the signal itself."""
    whole = boot_seconds(start, workers=workers)
    for moment in MOMENTS:
        service = start(WEB_CONCURRENCY=workers, SHUTDOWN_DRAIN_SECONDS="0")
        time.sleep(max(0, service.started_at + moment * whole - time.monotonic()))  # the moment is the point
        ours = processes.handles(service.pid, signal.SIGTERM)
        began = time.monotonic()
        service.terminate(to)
        assert service.wait() in ((0,) if ours else (0, -signal.SIGTERM)), (moment, service.report())
        assert_ended_quietly(service, began)


def test_sigterm_during_the_boot_as_process_1(start: Start) -> None:
    """C-15: where the kernel drops a signal that has no handler."""
    needs(AS_PROCESS_1)
    whole = boot_seconds(start, isolation=AS_PROCESS_1)
    for moment in MOMENTS:
        service = start(isolation=AS_PROCESS_1, SHUTDOWN_DRAIN_SECONDS="0")
        wait_for_handler(service)
        time.sleep(moment * whole)
        began = time.monotonic()
        service.terminate()
        assert service.wait() == 0, (moment, service.report())
        assert_ended_quietly(service, began)


@WORKERS
def test_process_1_drains_too(start: Start, workers: str) -> None:
    """C-15: and it leaves no process behind."""
    needs(AS_PROCESS_1)
    service = start(isolation=AS_PROCESS_1, WEB_CONCURRENCY=workers, SHUTDOWN_DRAIN_SECONDS="0.2")
    service.wait_event("listening", count=int(workers))
    service.terminate()
    assert service.wait() == 0
    assert service.find("draining")
    assert processes.group(service.pid) == []


BROKEN = {
    "an import": "import no_such_module\n",
    "a name": "undefined_name\n",
    "the syntax": "def (:\n",
}


@WORKERS
@pytest.mark.parametrize("what", BROKEN)
def test_an_app_that_cannot_be_imported(start: Start, copied: Project, workers: str, what: str) -> None:
    """C-7: one event, a non-zero status, and no loop of respawns."""
    copied.append("routes.py", BROKEN[what])
    service = start(copied, WEB_CONCURRENCY=workers)
    assert service.wait() not in (0, 78), service.report()
    [event] = service.find("cannot start")
    assert event["level"] == "critical"
    assert "routes.py" in event["exception"]
    assert {event["event"] for event in service.events} <= {"starting", "cannot start"}


@WORKERS
def test_a_lifespan_that_fails(start: Start, copied: Project, workers: str) -> None:
    """C-7: as an import that fails; each process that tried may say so once."""
    copied.add_lifespan(start="raise RuntimeError('the start-up failed')")
    service = start(copied, WEB_CONCURRENCY=workers)
    assert service.wait() not in (0, 78), service.report()
    complaints = [event for event in service.events if event["level"] in ("warning", "error", "critical")]
    assert {event["event"] for event in complaints} == {"cannot start"}, service.report()
    assert len(complaints) <= int(workers)
    assert "the start-up failed" in complaints[0]["exception"]
    assert not service.find("listening")


def test_a_process_that_is_killed_before_it_serves(start: Start, copied: Project) -> None:
    """C-7, C-20: all end, because a new one would be killed too, and one event says why."""
    copied.add_lifespan(start="__import__('time').sleep(60)")
    service = start(copied, WEB_CONCURRENCY="2")
    service.wait_event("pools opened", count=2)
    killed = processes.children(service.pid)[0]
    os.kill(killed, signal.SIGKILL)
    assert service.wait() == 1
    [event] = service.find("worker died")
    assert (event["pid"], event["exit_code"]) == (killed, -signal.SIGKILL)


def test_an_address_that_cannot_be_bound(start: Start) -> None:
    """C-7: one event says why, without a traceback, and the process ends."""
    first = start()
    given = [
        ({"PORT": str(first.port)}, "in use"),
        ({"HOST": "192.0.2.1"}, "requested address"),
        ({"HOST": "nobody.invalid"}, ""),  # the resolver's own words
        ({"HOST": "a" * 64}, "too long"),
    ]
    for variables, reason in given:
        second = start(given=variables)
        assert second.wait() == 1
        [event] = second.events
        assert (event["event"], event["level"]) == ("cannot start", "critical")
        assert reason in event["reason"]
        assert "exception" not in event
