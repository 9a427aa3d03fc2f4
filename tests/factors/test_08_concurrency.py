"""VIII. Concurrency: scaled out by process types (C-1, C-2) and WEB_CONCURRENCY (C-6)."""

import json
import os
import signal

import pytest

from tests.conftest import Start
from tests.support import processes
from tests.support.client import Connection, status
from tests.support.project import PROCFILE_LINE, Project
from tests.support.service import Service, eventually


def pids(service: Service) -> set[int]:
    """Ask for the process that answers, on many connections at once."""
    connections = [Connection(service.port) for _ in range(40)]
    return {int(json.loads(connection.get("/whoami")[1])["pid"]) for connection in connections}


def test_the_procfile_is_in_herokus_grammar(pristine: Project) -> None:
    """C-1, C-2: one type a line, always `web`, each the same words."""
    lines = (pristine.path / "Procfile").read_text().splitlines()
    assert all(PROCFILE_LINE.fullmatch(line) for line in lines)
    procfile = pristine.procfile()
    assert len(procfile) == len(lines)
    assert "web" in procfile
    assert all(command == ["python", "-m", pristine.name, name] for name, command in procfile.items())


@pytest.mark.parametrize("count", [1, 2, 3])
def test_web_concurrency_is_the_number_of_processes(start: Start, count: int) -> None:
    """C-6: that serve one port."""
    service = start(WEB_CONCURRENCY=str(count))
    service.wait_event("listening", count=count)
    found: set[int] = set()

    def all_have_answered() -> bool:
        found.update(pids(service))
        return len(found) >= count

    eventually(all_have_answered, f"answer of each of {count} processes")
    assert len(found) == count


@pytest.mark.parametrize("workers", ["1", "2"])
def test_nothing_daemonizes(start: Start, workers: str) -> None:
    """C-2: every process stays in the group that was started, and ends with it."""
    service = start(WEB_CONCURRENCY=workers)
    service.wait_event("listening", count=int(workers))
    assert pids(service) <= set(processes.group(service.pid))
    assert service.process.poll() is None


def test_a_killed_process_is_replaced(start: Start) -> None:
    """C-6, C-20: it costs its own requests; the others serve on; the log says so."""
    service = start(WEB_CONCURRENCY="2")
    service.wait_event("listening", count=2)
    for killed in (1, 2, 3):
        victim = pids(service).pop()
        os.kill(victim, signal.SIGKILL)
        service.wait_event("worker died", count=killed)
        assert {status(service.port, "/") for _ in range(10)} == {200}
        service.wait_event("listening", count=2 + killed)
        assert victim not in pids(service)
    assert {event["level"] for event in service.find("worker died")} == {"error"}


def test_no_process_outlives_the_root(start: Start) -> None:
    """C-2: killed outright, it leaves nobody behind on the port."""
    service = start(WEB_CONCURRENCY="2", SHUTDOWN_DRAIN_SECONDS="0.1")
    service.wait_event("listening", count=2)
    service.signal(signal.SIGKILL)
    eventually(lambda: processes.group(service.pid) == [], "end of its processes")
