"""`nox -s chaos`: two workers of each queue, many jobs, signals at random; prints what has come of it."""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.support import chaos, variants
from tests.support import postgres as pg
from tests.support.jobs import PROCRASTINATE, Queue
from tests.support.project import Project, environment, render
from tests.support.service import Service
from tests.support.template import snapshot


def play(name: str, jobs: int, events: int, seed: int, *, kill: bool) -> chaos.Outcome:
    """Render a service with this queue, and let its workers do the jobs."""
    with tempfile.TemporaryDirectory() as folder, pg.running() as server:
        shared = Path(folder)
        snapshot(shared / "template")
        project = Project(shared / "project")
        render(shared / "template", project.path, {"queue": name})
        project.append("jobs.py", PROCRASTINATE)
        production = environment(shared, project, dev=False)
        database = pg.Database(server, server.create())
        variables = {"DATABASE_URL": database.url}
        release = Service(project, production, variables, project.procfile()["release"])
        if release.wait():
            sys.exit(release.report())
        queue = Queue(project, production, database)

        def start() -> Service:
            return Service(project, production, variables, project.procfile()["worker"])

        return chaos.run(queue, start, jobs=jobs, events=events, kill=kill, seed=seed, patience=20 * jobs)


def main() -> int:
    """Print an outcome for each queue, with and without SIGKILL, and return 1 if a job was lost."""
    parser = argparse.ArgumentParser(prog="nox -s chaos --")
    parser.add_argument("--jobs", type=int, default=500)
    parser.add_argument("--events", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    lost = 0
    for name in queues():
        for kill in (False, True):
            outcome = play(name, options.jobs, options.events, options.seed, kill=kill)
            print(f"{name}, {'TERM and KILL' if kill else 'TERM alone'}: {outcome}", flush=True)
            lost += outcome.lost
    return 1 if lost else 0


def queues() -> list[str]:
    """Return the queues that copier.yml offers."""
    return [name for name in variants.choices()["queue"] if name != "none"]


if __name__ == "__main__":
    sys.exit(main())
