"""Jobs that the tests add to an emitted service, as its user would, and what becomes of them."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .postgres import Database
from .project import Project

PROCRASTINATE = """

import asyncio
import os
import signal

from sqlalchemy import text


async def _tell(context: JobContext, key: int, what: str) -> None:
    database: Database = context.additional_context["database"]
    async with database.transaction() as session:
        values = {"key": key, "what": what}
        await session.execute(text("INSERT INTO runs (key, what) VALUES (:key, :what)"), values)


@app.task(name="probe", retry=RETRY, pass_context=True)
async def probe(context: JobContext, *, key: int, seconds: float) -> None:
    print("probe has begun")
    await _tell(context, key, "begun")
    await asyncio.sleep(seconds)
    await _tell(context, key, "ended")


@app.task(name="poison", retry=RETRY)
async def poison() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
"""


class Queue:
    """The jobs of a project, with its own Postgres, and a table in which they tell of their runs."""

    def __init__(self, project: Project, environment: Path, database: Database) -> None:
        self.project, self.environment, self.database = project, environment, database
        database.execute("CREATE TABLE runs (key int, what text, at timestamptz DEFAULT clock_timestamp())")

    def enqueue(self, job: str, *arguments: Mapping[str, Any]) -> None:
        """Enqueue a job once for each of these arguments, in the console of the service."""
        script = (
            f"import json\nfrom {self.project.name}.jobs import {job}\n"
            f"{job}.batch_defer(*json.loads({json.dumps(json.dumps(arguments))}))\n"
        )
        subprocess.run(
            [str(self.environment / "bin" / "python"), "-m", self.project.name, "shell"],
            cwd=self.project.path,
            env={"DATABASE_URL": self.database.url},
            input=script,
            text=True,
            check=True,
        )

    def keys(self, what: str) -> Sequence[int]:
        """Return the key of every run that has told so, in their order."""
        rows = self.database.execute("SELECT key FROM runs WHERE what = %s ORDER BY at", what)
        return [row[0] for row in rows]

    def states(self) -> dict[str, int]:
        """Return how many jobs there are in each state; those that have succeeded are gone."""
        rows = self.database.execute(
            "SELECT status::text, count(*) FROM procrastinate_jobs WHERE task_name <> 'rescue' GROUP BY 1"
        )
        return {row[0]: row[1] for row in rows}

    def longest_wait(self) -> float:
        """Return the most seconds between two beginnings of the same job."""
        rows = self.database.execute(
            "SELECT extract(epoch FROM max(gap)) FROM (SELECT at - lag(at) OVER"
            " (PARTITION BY key ORDER BY at) AS gap FROM runs WHERE what = 'begun') AS gaps"
        )
        return float(rows[0][0] or 0)
