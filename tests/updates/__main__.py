"""`nox -s updates`: edit services of all releases, update them, and count conflicts and lost edits."""

import argparse
import datetime
import multiprocessing
import shlex
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from pathlib import Path

from tests.support import postgres, redis
from tests.support.template import releases, with_releases

from . import page
from .boots import Backing
from .cases import MANAGERS, SERVICES, Case, checked, edited, turned
from .cover import Cover
from .edits import EDITS
from .fleet import fleet
from .play import Outcome, play, quiet
from .turns import TURNS

HEAD = """# What updates keep of users' edits

Each run launches services of earlier releases, edits them as users do, commits the edits, and updates the
services to this version of the template. Edits of different files share an update, and each is judged by
itself. An edit is *clean* if no file that it touched is in conflict and everything that it added is still
there afterwards. An edit is *lost* if some of it is missing. A line is *stale* if the template no longer
has it, but the service still does. A service *boots* if `release` and `web` start after the update, with
what its lock file installs, a real Postgres and a real Valkey. Its *checks* are its own
`python -m dev check`.
"""
TURNED_HEAD = """\
The first update changes answers of the service, and a second update changes them back. The service's edits
have nothing to do with these answers. After each update, `release` runs on the same database; after the
second, `web` starts."""


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    asked = argparse.ArgumentParser("nox -s updates --", description=__doc__)
    asked.add_argument(
        "--release", action="append", choices=list(releases()), help="update only from this one"
    )
    asked.add_argument("--service", action="append", choices=list(SERVICES), help="use only this one")
    asked.add_argument("--manager", action="append", choices=MANAGERS, help="use only this one")
    asked.add_argument("--edit", action="append", choices=list(EDITS), help="make only this kind of edit")
    asked.add_argument("--alone", action="store_true", help="one edit per update, which takes much longer")
    asked.add_argument("--sample", type=int, default=10**6, metavar="N", help="update at most N services")
    asked.add_argument("--minutes", type=float, default=1e6, help="start no update after this many minutes")
    asked.add_argument("--seed", type=int, default=1, help="the seed of the random choice (%(default)s)")
    asked.add_argument("--jobs", type=int, default=2, help="how many updates to run at once (%(default)s)")
    asked.add_argument(
        "--fleet", type=int, default=0, metavar="N", help="also update N services with one command"
    )
    asked.add_argument("--write", type=Path, metavar="FILE", help="write the page to this file")
    return asked


class Queue:
    """The cases of a run.

    Every third case changes answers or boots a service. The others are chosen to cover the most.
    """

    def __init__(self, template: Path, given: argparse.Namespace) -> None:
        self.cover = Cover(edited(template, given), given.seed)
        self._rest = [] if given.edit else [*checked(template, given), *turned(template, given)]
        self._begun = 0

    def next(self) -> Case | None:
        """Return the next case, or None if none is left."""
        self._begun += 1
        if self._rest and self._begun % 3 == 0:
            return self._rest.pop(0)
        return self.cover.next() or (self._rest.pop(0) if self._rest else None)


def run(
    queue: Queue, template: Path, shared: Path, backing: Backing, given: argparse.Namespace
) -> list[Outcome]:
    """Run cases in parallel until all is covered or the time is up, with progress on stderr."""
    outcomes, end, running = (
        list[Outcome](),
        time.monotonic() + 60 * given.minutes,
        dict[Future[Outcome], Case](),
    )
    context = multiprocessing.get_context("spawn")  # copier changes the working directory
    with ProcessPoolExecutor(given.jobs, mp_context=context, initializer=quiet) as pool:
        while True:
            while len(running) < given.jobs and len(outcomes) + len(running) < given.sample:
                if time.monotonic() > end or not (case := queue.next()):
                    break
                running[pool.submit(play, case, template, shared, backing)] = case
            if not running:
                return outcomes
            for done in wait(running, return_when=FIRST_COMPLETED).done:
                case, error = running.pop(done), done.exception()
                outcome = Outcome(case, problem=f"here: {error!r}") if error else done.result()
                outcomes.append(outcome)
                if not (case.turn or case.boots):
                    queue.cover.tell(case, outcome.edits)
                state = "clean" if outcome.is_clean and outcome.is_good else "not clean"
                print(f"[{len(outcomes)}] {case}: {state}", file=sys.stderr, flush=True)


def tables(outcomes: Sequence[Outcome]) -> str:
    """Return the tables of a run, as they are printed and written."""
    order = list(releases())
    edits = [each for each in outcomes if not each.case.turn]
    edits.sort(key=lambda each: order.index(each.case.release))
    turns = [each for turn in TURNS for each in outcomes if each.case.turn == turn]
    parts = []
    if edits:
        parts += ["## By edit", page.by_edit(edits)]
        parts += ["## By release", page.by(edits, "From", lambda each: each.case.release)]
        parts += ["## By service", page.by(edits, "Service", lambda each: each.case.service)]
    if turns:
        parts += ["## Answers that change and change back", TURNED_HEAD]
        parts += [page.by(turns, "Answers", lambda each: each.case.about)]
    parts += ["## Files with conflicts", page.worst(outcomes)]
    found = page.findings(outcomes)
    listed = "\n".join(f"- {line}" for line in found) or "None."
    return "\n\n".join(part.strip() for part in (*parts, "## Problems", listed)) + "\n"


def say(text: str, file: Path | None, options: str) -> None:
    """Print the results of a run so far, and add them to the page."""
    print(text, flush=True)
    if file:
        today = datetime.datetime.now(datetime.UTC).date()
        made = f"\n`uvx nox -s updates -- {options}` wrote this page on {today}: "
        with file.open("a", encoding="utf-8") as page_of_it:
            page_of_it.write(text if page_of_it.tell() else f"{HEAD}{made}{text}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 1 if the run found a problem. A conflict is counted, but is no problem."""
    given = parser().parse_args(arguments)
    outcomes, begun = list[Outcome](), time.monotonic()
    options = shlex.join(arguments if arguments is not None else sys.argv[1:])
    if given.write:
        given.write.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(prefix="updates-") as folder:
        shared, template = Path(folder), Path(folder, "template")
        with_releases(template)
        if given.sample:
            queue = Queue(template, given)
            (shared / "redis").mkdir()
            with postgres.running() as database, redis.running(shared / "redis") as valkey:
                backing = Backing(database.url("").rstrip("/"), valkey.url)
                outcomes = run(queue, template, shared, backing, given)
            updates = sum(len(each.case.steps) for each in outcomes)
            edits = sum(len(each.edits) for each in outcomes)
            text = (
                f"{updates} updates of {len(outcomes)} services, with {edits} edits. They "
                f"cover {queue.cover.progress} combinations of a release, service, package manager, "
                "code style and edit."
            )
            say(f"{text}\n\n{tables(outcomes)}", given.write, options)
        if given.fleet:
            told = fleet(given.fleet, template, shared, given.jobs)
            say(f"\n## A fleet\n\n{told}\n", given.write, options)
    print(f"It took {time.monotonic() - begun:.0f} s.")
    return 0 if all(each.is_good for each in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
