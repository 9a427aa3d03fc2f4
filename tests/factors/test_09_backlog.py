"""IX. Disposability: what a process has logged is not lost at its end (C-20, C-26)."""

import json
import os
import subprocess
import time
from pathlib import Path

import pytest

from tests.conftest import Render
from tests.factors.conftest import Jobs
from tests.support import redis, variants
from tests.support.idioms import IDIOMS
from tests.support.patience import PATIENCE
from tests.support.project import Project, edited
from tests.support.service import eventually

LINES = 100
JOBS = """

import structlog

from .runtime import {module}

client = {client}


@{declare}
def shout() -> None:
    for number in range(100):
        structlog.get_logger(__name__).info("shouted", number=number, text="x" * 6000)
    client.incr("shouted")
"""
QUEUED = [
    row for row in variants.bootable(framework="fastapi", database="postgres") if row["queue"] in IDIOMS
]


@pytest.fixture(scope="module", params=QUEUED, ids=variants.label)
def project(request: pytest.FixtureRequest, render: Render, shared: Path) -> Project:
    """Return a service with a job that logs more than a pipe holds."""
    emitted = Project(render(request.param))
    text = JOBS.format(**vars(IDIOMS[request.param["queue"]]))
    return edited(emitted, shared, "shouts", lambda copy: copy.append("jobs.py", text))


def test_a_worker_that_ends_writes_its_backlog(jobs: Jobs, project: Project, server: redis.Server) -> None:
    """C-20: to who reads slowly; it takes half a second at the most."""
    jobs.enqueue("shout.{it.send}()")
    reader, writer = os.pipe()
    worker = subprocess.Popen(
        [str(jobs.python), "-m", project.name, "worker"],
        cwd=project.path,
        env={**jobs.variables, "SHUTDOWN_GRACE_SECONDS": "2"},
        stdin=subprocess.DEVNULL,
        stdout=writer,
        stderr=subprocess.DEVNULL,
    )
    os.close(writer)
    try:
        eventually(lambda: server.client.get("shouted") == "1", "end of the job")
        worker.terminate()
        with os.fdopen(reader) as lines:
            events = []
            for line in lines:
                events.append(json.loads(line))
                time.sleep(0.001)  # which is slow for a reader
        assert worker.wait(PATIENCE) == 0
    finally:
        worker.kill()
    assert [event["number"] for event in events if event["event"] == "shouted"] == [*range(LINES)]
    assert events[-1]["event"] == "stopped"
