"""After an update: settle the conflicts in which the two sides do not want different things.

copier runs it in the user's project. It merges lines, and leaves the three sides of each conflict in
git's index. Settled here are a README.md that the user has written anew, Python that one side has
formatted in another way or to which both add imports, what JSON, TOML, YAML, `Procfile` and `.env.example`
name on both sides, and edits of texts that touch without changing the same line.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from extensions import pins
from tasks import lines, structure, uv
from tasks.lines import ConflictError
from tasks.project import before, git, listed, replace, say

SECONDS_TO_FORMAT = 60
KEPT = ".slipway-kept"  # files, a line each, that an update leaves alone; `slipway adopt` writes it
# Texts in which each line stands for itself, so that edits which touch are no conflict.
TEXTS = ("Dockerfile", ".dockerignore", ".gitignore", ".gitattributes")
IMPORT = re.compile(r"\s*$|(from [\w.]+ )?import [\w.*, ]+( as \w+)?\s*$")
PROCESS = re.compile(r"^([A-Za-z0-9_-]+):[ \t]*(.+?)[ \t]*$", re.MULTILINE)


def conflicts() -> dict[str, dict[str, str]]:
    """Per file that is in conflict the blobs of its sides: 1 of the last update, 2 the user's, 3 the new."""
    found: dict[str, dict[str, str]] = {}
    for entry in listed("ls-files", "--unmerged"):
        about, _, name = entry.partition("\t")
        _, blob, side = about.split()
        found.setdefault(name, {})[side] = blob
    return {name: sides for name, sides in found.items() if len(sides) == 3}


def headings(text: str) -> list[str]:
    """The titles of the sections of a README, without that of the whole."""
    return re.findall(r"(?m)^##+ (.+?)\s*$", text)


def readme(base: str, mine: str, new: str) -> str:
    """The user's text, if they have kept no section of the template's; else the edits of both."""
    if set(headings(base)) & set(headings(mine)):
        return lines.merged(base, mine, new)
    more = [title for title in headings(new) if title not in headings(base)]
    say(f"README.md stays as you wrote it. New in the template's: {', '.join(more) or 'no section'}.")
    return mine


def python(name: str) -> Callable[[str, str, str], str]:
    """Return a merge of what the service's own formatter makes of each side."""

    def merged(*sides: str) -> str:
        base, mine, new = (formatted(side, name) for side in sides)
        with tempfile.TemporaryDirectory() as folder:
            paths = [Path(folder, side) for side in ("mine", "base", "new")]
            for path, text in zip(paths, (mine, base, new), strict=True):
                path.write_text(text, "utf-8", newline="\n")
            command = ["git", "merge-file", "--stdout", *map(str, paths)]
            done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8")  # noqa: S603
        text = with_imports(base, mine, new) if done.returncode else done.stdout
        return formatted(text, name)

    return merged


def with_imports(base: str, mine: str, new: str) -> str:
    """A module with the edits of both sides, if these touch in nothing but imports. Raises ConflictError."""
    if not all(map(IMPORT.match, lines.meeting(base, mine, new))):
        raise ConflictError
    return lines.merged(base, mine, new)


def formatted(text: str, name: str) -> str:
    """A module as `ruff format` leaves it with the service's own settings. Raises ConflictError."""
    own = next(filter(Path.exists, (Path(".venv/bin/ruff"), Path(".venv/Scripts/ruff.exe"))), None)
    (version,) = pins.PINS["packages"]["ruff"]
    ruff = [str(own)] if own else [uv.found() or "uv", "tool", "run", "--quiet", f"ruff@{version}"]
    command = [*ruff, "format", "--stdin-filename", name, "-"]
    environment = {key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"}
    try:
        done = subprocess.run(  # noqa: S603
            command,
            input=text,
            env=environment,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=SECONDS_TO_FORMAT,
        )
    except (OSError, subprocess.TimeoutExpired):
        raise ConflictError from None
    if done.returncode:
        raise ConflictError
    return done.stdout


def procfile(base: str, mine: str, new: str) -> str:
    """The user's lines, each as the side that has changed it, and the new process types below."""
    before, own, theirs = (dict(PROCESS.findall(side)) for side in (base, mine, new))
    wanted = structure.value(before, own, theirs)

    def line(match: re.Match[str]) -> str:
        name = match[1]
        if name not in wanted:
            return ""
        return match[0] if wanted[name] == own[name] else f"{name}: {wanted[name]}"

    kept = [PROCESS.sub(line, each) for each in mine.splitlines()]
    left = [each for each, old in zip(kept, mine.splitlines(), strict=True) if each or not old]
    more = [f"{name}: {command}" for name, command in wanted.items() if name not in own]
    return "\n".join([*left, *more]) + "\n"


def document(base: str, mine: str, new: str) -> str:
    """JSON, merged by its keys."""
    return (
        json.dumps(structure.value(*map(json.loads, (base, mine, new))), indent=2, ensure_ascii=False) + "\n"
    )


def way(name: str) -> Callable[[str, str, str], str] | None:
    """How a file is merged, or nothing."""
    path = Path(name)
    if path.suffix == ".py":
        return python(name)
    if path.suffix == ".json":
        return document
    if path.name in TEXTS:
        return lines.merged
    own = {"README.md": readme, "Procfile": procfile}
    return structure.WAYS.get(path.suffix) or structure.WAYS.get(path.name) or own.get(name)


def keep() -> None:
    """Put back the files that the service's own list names, whatever the update has made of them."""
    lines = (line.strip() for line in before(KEPT).splitlines())
    if not (names := [line for line in lines if line and not line.startswith("#")]):
        return
    committed = listed("ls-tree", "--name-only", "HEAD", "--", *names)
    if changed := committed and sorted(
        set(listed("diff", "--name-only", "--relative", "HEAD", "--", *committed))
    ):
        git("checkout", "--quiet", "HEAD", "--", *changed)
        say(f"Yours, as {KEPT} says, though the template's has changed: {', '.join(changed)}.")


def main() -> None:
    """Settle what can be settled; the rest stays a conflict.

    pyproject.toml comes first, because the formatter of the others reads it.
    """
    keep()
    for name, blobs in sorted(conflicts().items(), key=lambda each: each[0] != "pyproject.toml"):
        if merge := way(name):
            base, mine, new = (git("cat-file", "blob", blobs[side]) for side in "123")
            try:
                replace(Path(name), merge(base, mine, new))
            except (ConflictError, ValueError, yaml.YAMLError):
                continue
            git("reset", "--quiet", "--", name)


if __name__ == "__main__":
    main()
