"""The tables that a run of the updates writes."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from .boots import GOOD
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
    """Return a row for each group of updates. A column needs one update that tried it."""
    groups: dict[str, list[Outcome]] = {}
    for each in outcomes:
        groups.setdefault(group(each), []).append(each)
    columns: dict[str, Callable[[Sequence[Outcome]], object]] = {
        "updates": lambda found: sum(len(each.case.steps) for each in found),
        "clean": lambda found: sum(len(each.case.steps) for each in found if each.is_clean),
        "with conflicts": lambda found: sum(bool(each.conflicts) for each in found),
        "lost edits": lambda found: sum(len(each.lost) for each in found),
        "stale lines": lambda found: sum(len(each.stale) for each in found),
        "broken files": lambda found: sum(len(each.broken) for each in found),
        "failed": lambda found: sum(bool(each.problem) for each in found),
    }
    if any(each.boot for each in outcomes):
        columns["boots"] = lambda found: share(each.boot for each in found)
    if any(each.checks for each in outcomes):
        columns["checks"] = lambda found: share(each.checks for each in found)
    rows = [(name, *(column(found) for column in columns.values())) for name, found in groups.items()]
    return table((head, *columns), rows)


def share(results: Iterable[str]) -> str:
    """Return how many of the updates that tried this succeeded."""
    tried = [each for each in results if each]
    return f"{tried.count(GOOD)} of {len(tried)}" if tried else ""


def worst(outcomes: Sequence[Outcome]) -> str:
    """Return the files with the most conflicts."""
    count = Counter(file.replace(PACKAGE, "{package}") for each in outcomes for file in each.conflicts)
    return table(("File", "conflicts"), count.most_common(WORST)) if count else "No file conflicted.\n"


def findings(outcomes: Sequence[Outcome]) -> list[str]:
    """Return a line for each problem."""
    lines = []
    for each in outcomes:
        lines += [f"{each.case}: failed: {each.problem}"] if each.problem else []
        lines += [f"{each.case}: lost {name}: {'; '.join(gone)}" for name, gone in each.lost.items()]
        lines += [f"{each.case}: broken: {name}" for name in each.broken]
        lines += [f"{each.case}: stale: {line}" for line in each.stale]
        lines += [f"{each.case}: {each.boot}"] if each.boot not in ("", GOOD) else []
        lines += [f"{each.case}: checks: {each.checks}"] if each.checks not in ("", GOOD) else []
        lines += [f"{each.case}: conflict in {name}, which no edit touched" for name in each.unexplained]
    return lines
