"""What an edit is: it changes a service as its user would, and says what must be there ever after."""

import fnmatch
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tests.support.project import Project

# By file, the lines that must stay in it, or None if it must stay away.
type Wanted = Mapping[str, Sequence[str] | None]


class AbsentError(Exception):
    """The service has no such place, so nobody edits it."""


@dataclass(frozen=True)
class Edit:
    """A kind of edit, and patterns of the files that it touches."""

    name: str
    about: str
    touches: tuple[str, ...]
    do: Callable[[Project], Wanted]

    def clashes(self, other: "Edit") -> bool:
        """Tell whether both touch the same file, so that a conflict could be of either."""
        pairs = [(mine, theirs) for mine in self.touches for theirs in other.touches]
        return any(fnmatch.fnmatch(a, b) or fnmatch.fnmatch(b, a) for a, b in pairs)


EDITS: dict[str, Edit] = {}
STYLES = ("narrow", "wide")  # the edits that format all code anew: they come after the others


def edit(*touches: str) -> Callable[[Callable[[Project], Wanted]], Callable[[Project], Wanted]]:
    """Return a decorator that makes an edit of a function, whose docstring is its row in the table."""

    def register(do: Callable[[Project], Wanted]) -> Callable[[Project], Wanted]:
        about = (do.__doc__ or "").strip().rstrip(".")
        EDITS[do.__name__] = Edit(do.__name__, about, touches, do)
        return do

    return register


def path_of(project: Project, name: str) -> str:
    """Return a file's name, in which {package} stands for the package."""
    return name.replace("{package}", project.name)


def read(project: Project, name: str) -> str:
    """Return the text of a file. Raises AbsentError if it is not there."""
    try:
        return (project.path / path_of(project, name)).read_text("utf-8")
    except FileNotFoundError:
        raise AbsentError(name) from None


def write(project: Project, name: str, text: str) -> Wanted:
    """Write a file anew."""
    path = project.path / path_of(project, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return {path_of(project, name): lines_of(text)}


def append(project: Project, name: str, text: str) -> Wanted:
    """Add text at the end of a file that is there."""
    write(project, name, read(project, name) + text)
    return {path_of(project, name): lines_of(text)}


def insert(project: Project, name: str, after: str, text: str) -> Wanted:
    """Add text after the first place that a regular expression finds."""
    before = read(project, name)
    found = re.search(after, before, re.MULTILINE)
    if not found:
        raise AbsentError(name)
    write(project, name, before[: found.end()] + text + before[found.end() :])
    return {path_of(project, name): lines_of(text)}


def replace(project: Project, name: str, old: str, new: str) -> Wanted:
    """Put other text where a regular expression first finds something."""
    text, count = re.subn(old, lambda _: new, read(project, name), count=1, flags=re.MULTILINE)
    if not count:
        raise AbsentError(name)
    write(project, name, text)
    return {path_of(project, name): lines_of(new)}


def delete(project: Project, *names: str) -> Wanted:
    """Delete files, of which one at least must be there."""
    found = [name for name in names if (project.path / path_of(project, name)).exists()]
    if not found:
        raise AbsentError(names[0])
    for name in found:
        (project.path / path_of(project, name)).unlink()
    return {path_of(project, name): None for name in found}


def lines_of(text: str) -> list[str]:
    """Return the lines that say something."""
    return [line for line in text.splitlines() if line.strip()]


def squeezed(text: str) -> str:
    """Return a text without what a formatter changes."""
    return re.sub(r"[\s'\",]", "", text)


def lost(project: Project, wanted: Wanted) -> list[str]:
    """Return what should be there after an edit and is not, and what has come back."""
    found = []
    for name, lines in wanted.items():
        path = project.path / name
        if lines is None:
            found += [f"{name} is back"] if path.exists() else []
        elif not path.is_file():
            found.append(f"{name} is gone")
        else:
            text = squeezed(path.read_text("utf-8"))
            found += [f"{name}: {line.strip()}" for line in lines if squeezed(line) not in text]
    return found
