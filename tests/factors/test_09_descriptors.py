"""IX. Disposability: out of file descriptors, a process says so, and ends if it stays so (C-19, C-26)."""

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from tests.conftest import Render, Start
from tests.factors.conftest import Jobs
from tests.support import variants
from tests.support.client import Connection, status
from tests.support.project import Project
from tests.support.service import Service

WORKERS = variants.bootable(framework="fastapi", database="postgres", queue="dramatiq")


@pytest.fixture(params=WORKERS, ids=variants.label)
def project(request: pytest.FixtureRequest, render: Render) -> Project:
    """Return a service with a worker."""
    return Project(render(request.param))


@contextmanager
def without_descriptors(service: Service) -> Iterator[None]:
    """Let a process open nothing more during the block."""
    limit = resource.RLIMIT_NOFILE
    before = resource.prlimit(service.pid, limit)
    resource.prlimit(service.pid, limit, (3, before[1]))  # what is open stays so
    yield
    with suppress(ProcessLookupError):  # it has ended
        resource.prlimit(service.pid, limit, before)


def test_web_says_so_once_and_recovers(start: Start) -> None:
    """C-26: who is connected is answered; afterwards everybody is."""
    service = start()
    known = Connection(service.port)
    assert known.get("/livez")[0].status == 200
    with without_descriptors(service):
        service.wait_event("out of file descriptors", level="error")
        end = time.monotonic() + 2  # the next two looks
        while time.monotonic() < end:
            assert known.get("/livez")[0].status == 200
    service.wait_event("file descriptors are free")
    assert status(service.port, "/") == 200
    assert len(service.find("out of file descriptors")) == 1


@pytest.mark.long
def test_a_worker_that_stays_so_ends(jobs: Jobs) -> None:
    """C-19: with the reason, for the platform to start another; no thread goes on without the others."""
    worker = jobs.worker()
    with without_descriptors(worker):
        assert worker.wait() in (0, 1)  # drained after half a minute, or failed at once
    assert [event for event in worker.events if event["level"] == "critical"]
