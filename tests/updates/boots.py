"""Starts updated services: what no conflict tells is whether they still run."""

import os
import secrets
import subprocess
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg.sql import SQL, Identifier

from tests.support.client import status
from tests.support.project import Project, environment
from tests.support.service import Service

GOOD = "yes"
SECONDS_TO_CHECK = 600


@dataclass(frozen=True)
class Backing:
    """The servers of a run, which all its processes share."""

    postgres: str  # a URL without a database
    redis: str

    def database(self) -> str:
        """Create a database, and return its URL."""
        name = f"updates_{secrets.token_hex(6)}"
        with psycopg.connect(f"{self.postgres}/postgres", autocommit=True) as connection:
            connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
        return f"{self.postgres}/{name}"

    def variables(self, project: Project, database: str) -> dict[str, str]:
        """Return what a service has in its environment."""
        found = {"MY_SETTING": "ours", **project.secrets}
        if project.has_database:
            found["DATABASE_URL"] = database
        if project.has_redis:
            found["REDIS_URL"] = self.redis
        return found


def release(project: Project, shared: Path, variables: dict[str, str]) -> str:
    """Install what the lock says, run `release`, and return GOOD or what is wrong."""
    if not project.has_database:
        return GOOD
    installed = environment(shared, project, dev=False)
    command = [str(installed / "bin" / "python"), "-m", project.name, "release"]
    done = subprocess.run(command, cwd=project.path, env=variables, capture_output=True, text=True)
    if done.returncode:
        return f"`release` ends with {done.returncode}: {(done.stderr or done.stdout)[-200:]}"
    return GOOD


def boot(project: Project, shared: Path, variables: dict[str, str]) -> str:
    """Start `web`, ask whether it is ready, and return GOOD or what is wrong."""
    installed = environment(shared, project, dev=False)
    web = Service(project, installed, variables, ["python", "-m", project.name, "web"])
    try:
        answer = status(web.port, "/readyz")
        return GOOD if answer == 200 else f"/readyz answers {answer}"
    finally:
        web.kill()


def check(project: Project, shared: Path) -> str:
    """Run the service's own checks, and return GOOD or the ones that fail."""
    programs = environment(shared, project, dev=True) / "bin"
    variables = {
        name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH")
    }
    done = subprocess.run(
        [programs / "python", "-m", "dev", "check"],
        cwd=project.path,
        env=variables | {"PATH": f"{programs}{os.pathsep}{variables['PATH']}"},
        capture_output=True,
        text=True,
        timeout=SECONDS_TO_CHECK,
    )
    return GOOD if done.returncode == 0 else (done.stdout.strip().splitlines() or ["no word"])[-1]
