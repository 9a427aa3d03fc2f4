"""`nox -s chaos`: send signals at random to two workers of each queue with many jobs; print the outcome."""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.support import chaos
from tests.support.jobs import PROBES, QUEUES, answers, attached
from tests.support.project import Project, render
from tests.support.service import Service
from tests.support.template import snapshot


def play(name: str, jobs: int, events: int, seed: int, *, kill: bool) -> chaos.Outcome:
    """Render a service with this queue, and let its workers run the jobs."""
    with tempfile.TemporaryDirectory() as folder:
        shared = Path(folder)
        snapshot(shared / "template")
        project = Project(shared / "project")
        render(shared / "template", project.path, answers(name))
        project.append("jobs.py", PROBES[name])
        with attached(project, shared, shared) as queue:

            def start() -> Service:
                return Service(project, queue.environment, queue.variables, project.procfile()["worker"])

            return chaos.run(queue, start, jobs=jobs, events=events, kill=kill, seed=seed, patience=20 * jobs)


def main() -> int:
    """Print an outcome for each queue, and return 1 if a job was lost or waited too long."""
    parser = argparse.ArgumentParser(prog="nox -s chaos --")
    parser.add_argument("--queue", choices=QUEUES, action="append", help="by default each of them")
    parser.add_argument("--jobs", type=int, default=500)
    parser.add_argument("--events", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--term-only", action="store_true", help="without the runs that have SIGKILL too")
    options = parser.parse_args()
    bad = False
    for name in options.queue or QUEUES:
        for kill in (False,) if options.term_only else (False, True):
            outcome = play(name, options.jobs, options.events, options.seed, kill=kill)
            print(f"{name}, {'TERM and KILL' if kill else 'TERM alone'}: {outcome}", flush=True)
            bad |= outcome.lost > 0 or outcome.longest_wait > chaos.MOST_SECONDS
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
