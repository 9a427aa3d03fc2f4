"""Services with jobs, and what the tests of their queues do with them."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Start, starting
from tests.support import postgres as pg
from tests.support import redis
from tests.support.idioms import IDIOMS
from tests.support.project import Project, environment
from tests.support.service import Service

ENQUEUE = "from {0}.jobs import *\nfor _ in range({2}): {1}\n"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[redis.Server]:
    """Return a Redis of the test's own."""
    with redis.running(tmp_path) as server:
        yield server


class Jobs:
    """Starts processes of the service, and enqueues its jobs."""

    def __init__(self, project: Project, start: Start, python: Path, variables: dict[str, str]) -> None:
        self.project, self.start, self.python, self.variables = project, start, python, variables
        self.idiom = IDIOMS[str(project.answers()["queue"])]

    def worker(self, **variables: str) -> Service:
        """Start a worker, and wait until it works."""
        worker = self.start(process="worker", given=variables)
        worker.wait_event("working")
        return worker

    def run(self, process: str, stdin: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a one-off process."""
        return subprocess.run(
            [str(self.python), "-m", self.project.name, process],
            cwd=self.project.path,
            env={**self.variables, **variables},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def enqueue(self, call: str, count: int = 1) -> None:
        """Enqueue as code of the service does."""
        call = call.format(it=self.idiom)
        done = self.run("shell", ENQUEUE.format(self.project.name, call, count))
        assert done.returncode == 0, done.stdout


@pytest.fixture
def jobs(
    request: pytest.FixtureRequest, project: Project, shared: Path, server: redis.Server
) -> Iterator[Jobs]:
    """Return what starts processes of the service with its backing services."""
    production = environment(shared, project, dev=False)
    variables = {"REDIS_URL": server.url, **project.secrets}
    if project.has_database:
        postgres: pg.Server = request.getfixturevalue("postgres")
        variables["DATABASE_URL"] = postgres.url(postgres.create())
    with starting(project, production, variables) as start:
        found = Jobs(project, start, production / "bin" / "python", variables)
        if project.has_database:
            assert found.run("release").returncode == 0
        yield found
