"""Boots updated services: what no conflict tells is whether they still run."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.support import postgres, redis
from tests.support.client import status
from tests.support.project import Project, environment
from tests.support.service import Service

from .play import Outcome

BOOTS = "boots"


def boot_all(outcomes: Sequence[Outcome], shared: Path) -> None:
    """Boot the services that were kept, one after the other, and write down what came of it."""
    if not outcomes:
        return
    (shared / "redis").mkdir()
    with postgres.running() as database, redis.running(shared / "redis") as queue:
        for outcome in outcomes:
            if not outcome.kept:
                continue
            project = Project(outcome.kept)
            variables = {"MY_SETTING": "ours", **project.secrets}
            if project.has_database:
                variables["DATABASE_URL"] = database.url(database.create())
            if project.has_redis:
                variables["REDIS_URL"] = queue.url
            try:
                outcome.boot = boot(project, shared, variables)
            except Exception as error:  # whatever it is: the table counts it
                outcome.boot = f"does not boot: {error}".splitlines()[0]


def boot(project: Project, shared: Path, variables: dict[str, str]) -> str:
    """Install what its lock says, migrate, start `web`, and ask whether it is ready."""
    installed = environment(shared, project, dev=False)
    python = str(installed / "bin" / "python")
    if project.has_database:
        command = [python, "-m", project.name, "release"]
        done = subprocess.run(command, cwd=project.path, env=variables, capture_output=True, text=True)
        if done.returncode:
            return f"`release` ends with {done.returncode}: {(done.stderr or done.stdout)[-200:]}"
    web = Service(project, installed, variables, ["python", "-m", project.name, "web"])
    try:
        answer = status(web.port, "/readyz")
        return BOOTS if answer == 200 else f"/readyz answers {answer}"
    finally:
        web.kill()
