"""Merge lines as git does, but allow adjacent edits, because they do not change the same lines.

git reports a conflict if there is no unchanged line between two edits. This module reports a conflict
only if both edits replace the same line. The caller checks the result.
"""

import re
from dataclasses import dataclass
from difflib import SequenceMatcher

# An action's commit with its version in a comment, or an image's digest: bots raise both.
PIN = re.compile(r"@[0-9a-f]{40}( # v[\w.]+)?$|@sha256:[0-9a-f]{64}")


class ConflictError(Exception):
    """Both sides changed the same thing."""


@dataclass(frozen=True)
class Edit:
    """An edit: the base's lines from `start` up to, but not including, `end` become `lines`."""

    start: int
    end: int
    lines: tuple[str, ...]
    own: bool

    def overlaps(self, other: "Edit") -> bool:
        """Tell whether both change the same line."""
        return self.start < other.end and other.start < self.end

    def touches(self, other: "Edit") -> bool:
        """Tell whether there is no unchanged line between them."""
        return self.start <= other.end and other.start <= self.end


def edits(base: list[str], side: list[str], *, own: bool) -> list[Edit]:
    """Return the edits of one side."""
    codes = SequenceMatcher(None, base, side, autojunk=False).get_opcodes()
    return [Edit(i, j, tuple(side[k:m]), own) for kind, i, j, k, m in codes if kind != "equal"]


def changed(base: str, mine: str, new: str) -> tuple[list[Edit], list[Edit]]:
    """Return the edits of both sides; identical ones count as the user's only. Raises ConflictError."""
    before = base.splitlines(keepends=True)
    own = edits(before, mine.splitlines(keepends=True), own=True)
    same = {(each.start, each.end, each.lines) for each in own}
    theirs = edits(before, new.splitlines(keepends=True), own=False)
    theirs = [each for each in theirs if (each.start, each.end, each.lines) not in same]
    if any(each.overlaps(other) for each in own for other in theirs):
        raise ConflictError
    return own, theirs


def yielding(base: str, mine: str, new: str) -> str:
    """Return the new side, but with the base's pin in each line that the user has changed too.

    The user's bot has raised that pin since the last update, and will raise it again.
    """
    before, result, at = base.splitlines(keepends=True), list[str](), 0
    own = edits(before, mine.splitlines(keepends=True), own=True)
    changed = {number for each in own for number in range(each.start, each.end)}
    for each in edits(before, new.splitlines(keepends=True), own=False):
        former = {PIN.sub("", before[n]): before[n] for n in range(each.start, each.end) if n in changed}
        result += before[at : each.start]
        result += [former.get(PIN.sub("", line), line) for line in each.lines]
        at = each.end
    return "".join([*result, *before[at:]])


def merged(base: str, mine: str, new: str, *, own_first: bool = True) -> str:
    """Return the base with the edits of both sides. Raises ConflictError.

    If both add lines at the same place, `own_first` says whether the user's come first or last.
    """
    own, theirs = changed(base, mine, new)
    # At the same line, additions go before replacements.
    every = sorted([*own, *theirs], key=lambda each: (each.start, each.end, each.own != own_first))
    before, result, at = base.splitlines(keepends=True), list[str](), 0
    for each in every:
        result += [*before[at : each.start], *each.lines]
        at = max(at, each.end)
    return "".join([*result, *before[at:]])


def meeting(base: str, mine: str, new: str) -> list[tuple[Edit, Edit]]:
    """Return the pairs of a user's edit and a template's edit that touch. Raises ConflictError."""
    own, theirs = changed(base, mine, new)
    return [(each, other) for each in own for other in theirs if each.touches(other)]
