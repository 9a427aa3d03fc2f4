"""IV. Backing services: Postgres behind PgBouncer in transaction mode (C-8, C-28)."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.conftest import Render, starting
from tests.support import pgbouncer, redis
from tests.support.client import Connection, status
from tests.support.patience import SLACK
from tests.support.postgres import Database, Server
from tests.support.project import Project, environment
from tests.support.service import eventually

VARIANTS = [
    {"framework": "fastapi", "database": "postgres", "queue": "procrastinate"},
    {"framework": "django", "database": "postgres", "queue": "dramatiq", "clock": True},
]
# PgBouncer passes no NOTIFY on: an idle worker looks for jobs after so many seconds, as its README says.
LOOK = 5
SIZE = 3  # connections of the pooler, fewer than the service has

# What a transaction finds that another one has left behind. PgBouncer keeps the first ones itself.
LEFT = """
SELECT 'setting ' || name FROM pg_settings WHERE source = 'session' AND name NOT IN
  ('client_encoding', 'DateStyle', 'TimeZone', 'standard_conforming_strings', 'application_name')
UNION ALL SELECT 'statement ' || name FROM pg_prepared_statements
UNION ALL SELECT 'cursor ' || name FROM pg_cursors WHERE name <> ''
UNION ALL SELECT 'lock' FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()
"""


@pytest.fixture(scope="module", params=VARIANTS, ids=lambda row: f"{row['framework']}-{row['queue']}")
def project(request: pytest.FixtureRequest, render: Render) -> Project:
    """Return a service with a queue."""
    return Project(render(request.param))


@pytest.fixture
def behind(postgres: Server) -> Iterator[tuple[Database, str]]:
    """Return a database, and its URL through the pooler."""
    database = Database(postgres, postgres.create())
    with pgbouncer.running(postgres, SIZE) as port:
        yield database, f"postgres://postgres@127.0.0.1:{port}/{database.name}"


def left_behind(url: str) -> set[Any]:
    """Return what is left in the sessions of the pooler, each of which is held once."""
    found: set[Any] = set()
    with ExitStack() as stack:
        for _ in range(SIZE):
            connection = stack.enter_context(psycopg.connect(url, prepare_threshold=None))
            found |= set(connection.execute(LEFT).fetchall())
    return found


@pytest.mark.every_framework
def test_the_service_works_and_leaves_nothing_behind(
    project: Project, shared: Path, server: redis.Server, behind: tuple[Database, str]
) -> None:
    """C-28: release, requests, jobs, the outbox and the clock share three connections with all others."""
    database, url = behind
    production = environment(shared, project, dev=False)
    variables = {"DATABASE_URL": url, "REDIS_URL": server.url, **project.secrets}
    with starting(project, production, variables) as start:
        releases = [start(process="release") for _ in range(2)]
        assert [release.wait() for release in releases] == [0, 0]
        processes = [start(process=name) for name in project.procfile() if name not in ("web", "release")]
        web = start()

        def write(number: int) -> int:
            return Connection(web.port).post("/notes", {"text": f"number {number}"})[0].status

        with ThreadPoolExecutor(8) as pool:
            assert set(pool.map(write, range(40))) == {201}
        counted = "SELECT count(*) FROM notes WHERE words = 2"
        eventually(lambda: database.execute(counted) == [(40,)], "end of the jobs")
        assert status(web.port, "/readyz") == 200
        began = time.monotonic()
        assert write(41) == 201
        eventually(lambda: database.execute(counted) == [(41,)], "a job of an idle worker")
        assert time.monotonic() - began < LOOK + SLACK
        for process in [web, *processes]:
            process.terminate()
        for process in [web, *processes]:
            assert process.wait() == 0
            bad = [event for event in process.events if event["level"] in ("error", "critical")]
            assert not bad
    assert left_behind(url) == set()
