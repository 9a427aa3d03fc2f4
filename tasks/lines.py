"""Merge lines as git does, but let edits touch: what stands beside another change is not the same change.

git calls it a conflict where no unchanged line parts two edits. Here only those are that replace the same
line, and the caller checks what comes out.
"""

from dataclasses import dataclass
from difflib import SequenceMatcher


class ConflictError(Exception):
    """Both sides have changed the same thing."""


@dataclass(frozen=True)
class Edit:
    """Lines `start` to `end` of the base, without the last one, become `lines`."""

    start: int
    end: int
    lines: tuple[str, ...]
    own: bool

    def overlaps(self, other: "Edit") -> bool:
        """Tell whether both change one line."""
        return self.start < other.end and other.start < self.end

    def touches(self, other: "Edit") -> bool:
        """Tell whether no unchanged line parts them."""
        return self.start <= other.end and other.start <= self.end


def edits(base: list[str], side: list[str], *, own: bool) -> list[Edit]:
    """Return what one side has changed."""
    codes = SequenceMatcher(None, base, side, autojunk=False).get_opcodes()
    return [Edit(i, j, tuple(side[k:m]), own) for kind, i, j, k, m in codes if kind != "equal"]


def changed(base: str, mine: str, new: str) -> tuple[list[Edit], list[Edit]]:
    """Return the edits of both sides, those that they share among the user's alone. Raises ConflictError."""
    before = base.splitlines(keepends=True)
    own = edits(before, mine.splitlines(keepends=True), own=True)
    same = {(each.start, each.end, each.lines) for each in own}
    theirs = edits(before, new.splitlines(keepends=True), own=False)
    theirs = [each for each in theirs if (each.start, each.end, each.lines) not in same]
    if any(each.overlaps(other) for each in own for other in theirs):
        raise ConflictError
    return own, theirs


def merged(base: str, mine: str, new: str, *, own_first: bool = True) -> str:
    """Return the base with the edits of both sides. Raises ConflictError.

    Where both add lines at one place, those of the user come first, or last.
    """
    own, theirs = changed(base, mine, new)
    # What is added at a line goes before what replaces the line.
    every = sorted([*own, *theirs], key=lambda each: (each.start, each.end, each.own != own_first))
    before, result, at = base.splitlines(keepends=True), list[str](), 0
    for each in every:
        result += [*before[at : each.start], *each.lines]
        at = max(at, each.end)
    return "".join([*result, *before[at:]])


def meeting(base: str, mine: str, new: str) -> list[str]:
    """Return the lines that both sides add or replace where they touch. Raises ConflictError."""
    own, theirs = changed(base, mine, new)
    found = [(each, other) for each in own for other in theirs if each.touches(other)]
    return [line for pair in found for each in pair for line in each.lines]
