"""The tables of a run."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from .boots import BOOTS
from .edits import EDITS
from .play import Outcome

WORST = 12  # files that are listed
PACKAGE = "order_desk"  # of all services here


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table in Markdown; all but the first column are numbers."""
    lines = [f"| {' | '.join(head)} |", f"| --- |{' ---: |' * (len(head) - 1)}"]
    lines += [f"| {' | '.join(map(str, row))} |" for row in rows]
    return "\n".join(lines) + "\n"


def by_edit(outcomes: Sequence[Outcome]) -> str:
    """Return a row for each kind of edit."""
    rows: list[tuple[str, int, int, int, int]] = []
    for name, edit in EDITS.items():
        with_it = [each for each in outcomes if name in each.edits and not each.problem]
        if not with_it:
            continue
        torn = sum(bool(each.of(name)) for each in with_it)
        gone = sum(name in each.lost for each in with_it)
        clean = sum(not each.of(name) and name not in each.lost for each in with_it)
        rows.append((edit.about, len(with_it), clean, torn, gone))
    everything = [sum(column) for column in zip(*(row[1:] for row in rows), strict=True)]
    head = ("Edit", "updates", "clean", "conflicts", "lost")
    return table(head, [*rows, ("All", *everything)])


def by(outcomes: Sequence[Outcome], head: str, group: Callable[[Outcome], str]) -> str:
    """Return a row for each group of updates."""
    groups: dict[str, list[Outcome]] = {}
    for each in outcomes:
        groups.setdefault(group(each), []).append(each)
    rows = [
        (
            name,
            len(found),
            sum(each.is_clean for each in found),
            sum(bool(each.conflicts) for each in found),
            sum(map(len, (each.lost for each in found))),
            sum(len(each.stale) for each in found),
            sum(len(each.broken) for each in found),
            sum(bool(each.problem) for each in found),
        )
        for name, found in groups.items()
    ]
    columns = ("updates", "clean", "with conflicts", "lost edits", "stale lines", "broken files", "failed")
    return table((head, *columns), rows)


def by_turn(outcomes: Sequence[Outcome]) -> str:
    """Return a row for each change of answers."""
    return by(outcomes, "First, and then", lambda each: each.case.about)


def worst(outcomes: Sequence[Outcome]) -> str:
    """Return the files that conflicted most."""
    count = Counter(file.replace(PACKAGE, "{package}") for each in outcomes for file in each.conflicts)
    return table(("File", "conflicts"), count.most_common(WORST)) if count else "No file conflicted.\n"


def findings(outcomes: Sequence[Outcome]) -> list[str]:
    """Return a line for each thing that should not be."""
    lines = []
    for each in outcomes:
        lines += [f"{each.case}: failed: {each.problem}"] if each.problem else []
        lines += [f"{each.case}: lost {name}: {'; '.join(gone)}" for name, gone in each.lost.items()]
        lines += [f"{each.case}: broken: {name}" for name in each.broken]
        lines += [f"{each.case}: stale: {line}" for line in each.stale]
        lines += [f"{each.case}: {each.boot}"] if each.boot not in ("", BOOTS) else []
        lines += [f"{each.case}: conflict in {name}, which no edit touched" for name in each.unexplained]
    return lines
