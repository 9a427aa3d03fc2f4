"""Jobs that the tests add to a generated service, as its user would, and what they report."""

import itertools
import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from extensions.context import ON_WSGI

from . import postgres, redis, variants
from .project import Project, environment
from .service import Service

QUEUES = [name for name in variants.choices()["queue"] if name != "none"]

PROCRASTINATE = """

import asyncio
import os
import signal

from sqlalchemy import text


async def _tell(key: int, what: str) -> None:
    async with transaction() as session:
        values = {"key": key, "what": what}
        await session.execute(text("INSERT INTO runs (key, what) VALUES (:key, :what)"), values)


@app.task(name="probe", retry=RETRY)
async def probe(*, key: int, seconds: float) -> None:
    print("probe has begun")
    await _tell(key, "begun")
    await asyncio.sleep(seconds)
    await _tell(key, "ended")


@app.task(name="poison", retry=RETRY)
async def poison() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@app.task(name="block", retry=RETRY)
async def block(*, key: int, seconds: float) -> None:
    await _tell(key, "begun")
    __import__("time").sleep(seconds)  # as code that waits without `await` does
    await _tell(key, "ended")


@app.task(name="fail", retry=RETRY)
async def fail(*, key: int) -> None:
    await _tell(key, "begun")
    while not os.path.exists("fail-now"):
        await asyncio.sleep(0.1)
    raise ValueError(key)
"""

# The same for services with blocking code.
BLOCKING = (
    PROCRASTINATE.replace("import asyncio", "import time")
    .replace("await asyncio.sleep", "time.sleep")
    .replace("async ", "")
    .replace("await ", "")
)
DJANGO = """

import os
import signal
import time

from django.db import connection


def _tell(key: int, what: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO runs (key, what) VALUES (%s, %s)", [key, what])


@app.task(name="probe", retry=RETRY)
def probe(*, key: int, seconds: float) -> None:
    print("probe has begun")
    _tell(key, "begun")
    time.sleep(seconds)
    _tell(key, "ended")


@app.task(name="poison", retry=RETRY)
def poison() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@app.task(name="fail", retry=RETRY)
def fail(*, key: int) -> None:
    _tell(key, "begun")
    while not os.path.exists("fail-now"):
        time.sleep(0.1)
    raise ValueError(key)
"""


def procrastinate(project: Project) -> str:
    """Return the jobs for this project's procrastinate."""
    framework = project.answers()["framework"]
    if framework == "django":
        return DJANGO
    return BLOCKING if framework in ON_WSGI else PROCRASTINATE


# A job that records in Redis when it begins and ends.
IN_REDIS = """

import json
import time

from .runtime import {module}


def _tell(key: int, what: str) -> None:
    {client}.rpush("runs", json.dumps([key, what, time.time()]))


@{decorator}
def probe(key: int, seconds: float) -> None:
    print("probe has begun")
    _tell(key, "begun")
    time.sleep(seconds)
    _tell(key, "ended")
"""
PROBES = {
    "procrastinate": PROCRASTINATE,
    "dramatiq": IN_REDIS.format(
        decorator="dramatiq.actor", client="jobs_queue.broker.client", module="jobs_queue"
    ),
    "celery": IN_REDIS.format(decorator="app.task", client="transport.client", module="transport"),
}
# Enqueues one job for each of `arguments`.
ENQUEUE = {
    "procrastinate": "{job}.batch_defer(*arguments)",
    "dramatiq": "for each in arguments: {job}.send(**each)",
    "celery": "for each in arguments: {job}.delay(**each)",
}


def answers(queue: str) -> variants.Answers:
    """Return the answers of the smallest service with this queue."""
    return {"queue": queue, "database": "postgres" if queue == "procrastinate" else "none"}


class Queue(Protocol):
    """The jobs of a service, and the records of their runs."""

    project: Project
    environment: Path
    variables: dict[str, str]

    def enqueue(self, job: str, *arguments: Mapping[str, Any]) -> None:
        """Enqueue a job once for each of these arguments."""

    def keys(self, what: str) -> Sequence[int]:
        """Return the keys of the runs that have recorded this, in order."""

    def longest_wait(self) -> float:
        """Return the longest time between two starts of the same job, in seconds."""


def enqueue(queue: Queue, job: str, arguments: Sequence[Mapping[str, Any]]) -> None:
    """Enqueue a job once for each of these arguments, in the service's shell."""
    call = ENQUEUE[str(queue.project.answers()["queue"])].format(job=job)
    shell(queue, f"import json\narguments = json.loads({json.dumps(json.dumps(arguments))})\n{call}\n")


def shell(queue: Queue, script: str) -> str:
    """Run a script in the service's shell, with its jobs imported, and return what it prints."""
    project = queue.project
    return subprocess.run(
        [str(queue.environment / "bin" / "python"), "-m", project.name, "shell"],
        cwd=project.path,
        env=queue.variables,
        input=f"from {project.name}.jobs import *\n{script}",
        text=True,
        check=True,
        stdout=subprocess.PIPE,
    ).stdout


@contextmanager
def attached(project: Project, shared: Path, folder: Path) -> Iterator[Queue]:
    """Run an empty backing service for the jobs of a project during the block."""
    if project.has_database:
        with postgres.running() as cluster:
            yield released(project, shared, cluster)
    else:
        with redis.running(folder) as server:
            yield InRedis(project, environment(shared, project, dev=False), server)


def released(project: Project, shared: Path, server: postgres.Server) -> "InPostgres":
    """Return the jobs of a project in a new database, after `release` has created its tables."""
    database = postgres.Database(server, server.create())
    queue = InPostgres(project, environment(shared, project, dev=False), database)
    command = project.procfile()["release"]
    assert Service(project, queue.environment, queue.variables, command).wait() == 0
    return queue


class InRedis:
    """Jobs in Redis, and a list in which they record their runs."""

    def __init__(self, project: Project, environment: Path, server: redis.Server) -> None:
        self.project, self.environment, self.server = project, environment, server
        self.variables = {"REDIS_URL": server.url, **project.secrets}

    def enqueue(self, job: str, *arguments: Mapping[str, Any]) -> None:
        enqueue(self, job, arguments)

    def runs(self, what: str) -> list[tuple[int, float]]:
        """Return the keys and times of the runs that have recorded this, in order."""
        told = map(json.loads, self.server.client.lrange("runs", 0, -1))
        return [(key, at) for key, told_what, at in told if told_what == what]

    def keys(self, what: str) -> Sequence[int]:
        return [key for key, _ in self.runs(what)]

    def longest_wait(self) -> float:
        pairs = itertools.pairwise(sorted(self.runs("begun")))
        return max((end - begin for (one, begin), (other, end) in pairs if one == other), default=0)


class InPostgres:
    """Jobs in Postgres, and a table in which they record their runs."""

    def __init__(self, project: Project, environment: Path, database: postgres.Database) -> None:
        self.project, self.environment, self.database = project, environment, database
        self.variables = {"DATABASE_URL": database.url, **project.secrets}
        database.execute("CREATE TABLE runs (key int, what text, at timestamptz DEFAULT clock_timestamp())")

    def enqueue(self, job: str, *arguments: Mapping[str, Any]) -> None:
        enqueue(self, job, arguments)

    def keys(self, what: str) -> Sequence[int]:
        rows = self.database.execute("SELECT key FROM runs WHERE what = %s ORDER BY at", what)
        return [row[0] for row in rows]

    def states(self) -> dict[str, int]:
        """Return the number of jobs in each state. Jobs that have succeeded are deleted."""
        rows = self.database.execute(
            "SELECT status::text, count(*) FROM procrastinate_jobs WHERE task_name <> 'rescue' GROUP BY 1"
        )
        return {row[0]: row[1] for row in rows}

    def longest_wait(self) -> float:
        rows = self.database.execute(
            "SELECT extract(epoch FROM max(gap)) FROM (SELECT at - lag(at) OVER"
            " (PARTITION BY key ORDER BY at) AS gap FROM runs WHERE what = 'begun') AS gaps"
        )
        return float(rows[0][0] or 0)
