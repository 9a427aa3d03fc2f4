"""`nox -s updates`: edits services of all releases, updates them, and counts what comes of it."""

import argparse
import datetime
import multiprocessing
import shlex
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from tests.support.template import releases, with_releases

from . import page
from .boots import BOOTS, boot_all
from .cases import MANAGERS, SERVICES, Case, every, sample
from .edits import EDITS
from .fleet import fleet
from .play import Outcome, play, quiet

HEAD = """# What updates leave of edits

Services of earlier releases were edited as users edit them, committed, and updated to this state of the
template. Edits that touch different files share an update; each is looked at by itself. An edit is *clean* if
nothing that it touched is in conflict and all that it brought is there afterwards. It is *lost* if something
of it is not there. A line is *stale* if it is the release's, is no longer the template's, and stayed.
"""


def parser() -> argparse.ArgumentParser:
    """Return what reads the command line."""
    asked = argparse.ArgumentParser("nox -s updates --", description=__doc__)
    asked.add_argument("--release", action="append", choices=list(releases()), help="only from this one")
    asked.add_argument("--service", action="append", choices=list(SERVICES), help="only this one")
    asked.add_argument("--manager", action="append", choices=MANAGERS, help="only this one")
    asked.add_argument("--edit", action="append", choices=list(EDITS), help="only this kind")
    asked.add_argument("--alone", action="store_true", help="one edit an update, which takes much longer")
    asked.add_argument("--sample", type=int, metavar="N", help="only so many updates, chosen by the seed")
    asked.add_argument("--minutes", type=float, default=1e6, help="begin no update after so many")
    asked.add_argument("--seed", type=int, default=1, help="what chooses them (%(default)s)")
    asked.add_argument("--jobs", type=int, default=2, help="how many updates at once (%(default)s)")
    asked.add_argument("--boots", type=int, default=0, metavar="N", help="boot so many of the clean ones")
    asked.add_argument("--fleet", type=int, default=0, metavar="N", help="update so many in one command")
    asked.add_argument("--write", type=Path, metavar="FILE", help="write the page there")
    return asked


def run(cases: Sequence[Case], template: Path, shared: Path, given: argparse.Namespace) -> list[Outcome]:
    """Play the cases side by side, with progress on stderr."""
    outcomes, end = dict[int, Outcome](), time.monotonic() + 60 * given.minutes
    context = multiprocessing.get_context("spawn")  # copier changes the working directory
    with ProcessPoolExecutor(given.jobs, mp_context=context, initializer=quiet) as pool:
        running = {
            pool.submit(play, case, template, shared, keep=index < 2 * given.boots): index
            for index, case in enumerate(cases)
        }
        for done in as_completed(running):
            if done.cancelled():
                continue
            error = done.exception()
            index = running[done]
            outcome = Outcome(cases[index], problem=f"here: {error!r}") if error else done.result()
            outcomes[index] = outcome
            state = "clean" if outcome.is_clean else "not clean"
            print(f"[{len(outcomes)}/{len(cases)}] {outcome.case}: {state}", file=sys.stderr, flush=True)
            if time.monotonic() > end:
                for each in running:
                    each.cancel()
    return [outcomes[index] for index in sorted(outcomes)]


def tables(outcomes: Sequence[Outcome]) -> str:
    """Return what is printed and written of a run."""
    edits = [each for each in outcomes if not each.case.about]
    turns = [each for each in outcomes if each.case.about]
    order = list(releases())
    edits.sort(key=lambda each: order.index(each.case.release))
    parts = []
    if edits:
        parts += ["## By edit", page.by_edit(edits)]
        parts += ["## By release", page.by(edits, "From", lambda each: each.case.release)]
        parts += ["## By service", page.by(edits, "Service", lambda each: each.case.service)]
    if turns:
        parts += ["## Answers that change, and change again", page.by_turn(turns)]
    parts += ["## Where conflicts are", page.worst(outcomes)]
    booted = [each.boot for each in outcomes if each.boot]
    if booted:
        parts.append(
            f"{booted.count(BOOTS)} of {len(booted)} updated services that were started are ready.\n"
        )
    found = page.findings(outcomes)
    listed = "\n".join(f"- {line}" for line in found) or "None."
    return "\n\n".join(part.strip() for part in (*parts, "## What should not be", listed)) + "\n"


def say(text: str, file: Path | None, options: str) -> None:
    """Print what has come of a run so far, and write the page."""
    print(text, flush=True)
    if file:
        today = datetime.datetime.now(datetime.UTC).date()
        made = f"\n`uvx nox -s updates -- {options}` wrote this page on {today}: "
        with file.open("a", encoding="utf-8") as page_of_it:
            page_of_it.write(text if page_of_it.tell() else f"{HEAD}{made}{text}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 1 if an edit was lost, a file broke, or an update failed; conflicts are counted alone."""
    given = parser().parse_args(arguments)
    outcomes, begun = list[Outcome](), time.monotonic()
    options = shlex.join(arguments if arguments is not None else sys.argv[1:])
    if given.write:
        given.write.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(prefix="updates-") as folder:
        shared, template = Path(folder), Path(folder, "template")
        with_releases(template)
        every_case = list(every(template, given))
        cases = every_case if given.sample is None else sample(every_case, given.sample, given.seed)
        if cases:
            outcomes = run(cases, template, shared, given)
            boot_all([each for each in outcomes if each.kept][: given.boots], shared)
            updates = sum(len(each.case.answers) or 1 for each in outcomes)
            edits = sum(len(each.edits) for each in outcomes)
            text = f"{updates} updates of {len(outcomes)} services, with {edits} edits. "
            if len(outcomes) < len(cases):
                text += f"The sample had {len(cases)} services, and the time was up before the others. "
            text += f"The whole corpus has {len(every_case)} services.\n\n{tables(outcomes)}"
            say(text, given.write, options)
        if given.fleet:
            told = fleet(given.fleet, template, shared, given.jobs)
            say(f"\n## A fleet\n\n{told}\n", given.write, options)
    print(f"It took {time.monotonic() - begun:.0f} s.")
    return 1 if any(each.lost or each.broken or each.problem for each in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
