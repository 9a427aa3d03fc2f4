"""After an update: resolve the conflicts in which the two sides do not contradict each other.

copier runs this script in the user's project. copier merges lines, and leaves the three sides of each
conflict in git's index. This script resolves the conflicts in these files:

- a README.md that the user has rewritten;
- Python that one side has formatted differently, in which both sides add imports, in which the user has
  added code at the end, or in which one side changes lines next to docstrings that the other side changes, or
  next to lines that it deletes;
- JSON, TOML, YAML, `Procfile` and `.env.example`, in which names identify the entries of both sides;
- files with pins that the user's bot has raised;
- texts in which edits touch but do not change the same line.
"""

import ast
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from textwrap import dedent

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from extensions import pins
from tasks import lines, structure, uv
from tasks.lines import ConflictError, Edit
from tasks.project import before, git, listed, replace, say

SECONDS_TO_FORMAT = 60
KEPT = ".slipway-kept"  # lists files that no update changes, one per line; `slipway adopt` writes it
# Texts in which each line is independent, so edits that touch are not a conflict.
TEXTS = ("Dockerfile", ".dockerignore", ".gitignore", ".gitattributes")
IMPORT = re.compile(r"\s*$|(from [\w.]+ )?import [\w.*, ]+( as \w+)?\s*$")
PROCESS = re.compile(r"^([A-Za-z0-9_-]+):[ \t]*(.+?)[ \t]*$", re.MULTILINE)


def conflicts() -> dict[str, dict[str, str]]:
    """Return the blobs of each file with a conflict: 1 is the last update's, 2 the user's, 3 the new one."""
    found: dict[str, dict[str, str]] = {}
    for entry in listed("ls-files", "--unmerged"):
        about, _, name = entry.partition("\t")
        _, blob, side = about.split()
        found.setdefault(name, {})[side] = blob
    return {name: sides for name, sides in found.items() if len(sides) == 3}


def headings(text: str) -> list[str]:
    """Return the titles of the sections of a README, without the title of the whole text."""
    return re.findall(r"(?m)^##+ (.+?)\s*$", text)


def readme(base: str, mine: str, new: str) -> str:
    """Return the user's text if they kept no section of the template's, or else the edits of both."""
    if set(headings(base)) & set(headings(mine)):
        return lines.merged(base, mine, new)
    more = [title for title in headings(new) if title not in headings(base)]
    say(f"README.md stays as you wrote it. New sections in the template's: {', '.join(more) or 'none'}.")
    return mine


def python(name: str) -> Callable[[str, str, str], str]:
    """Return a function that formats each side with the service's own formatter, and then merges them."""

    def merged(*sides: str) -> str:
        base, mine, new = (formatted(side, name) for side in sides)
        mine, added = without_end(base, mine, new)
        with tempfile.TemporaryDirectory() as folder:
            paths = [Path(folder, side) for side in ("mine", "base", "new")]
            for path, text in zip(paths, (mine, base, new), strict=True):
                path.write_text(text, "utf-8", newline="\n")
            command = ["git", "merge-file", "--stdout", *map(str, paths)]
            done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8")  # noqa: S603
        text = together(base, mine, new) if done.returncode else done.stdout
        return formatted(text + added, name)

    return merged


def without_end(base: str, mine: str, new: str) -> tuple[str, str]:
    """Split off the statements that the user has added at the end of a module, if they fit the new module.

    They fit if the new module still has the names (and fixtures) that they use, and defines none of theirs.
    """
    own = lines.edits(base.splitlines(keepends=True), mine.splitlines(keepends=True), own=True)
    if not own or own[-1].start < len(base.splitlines()):
        return mine, ""
    added = "".join(own[-1].lines)
    try:
        before, after, ends = (bound(ast.parse(text)) for text in (base, new, added))
        used = {
            node.arg if isinstance(node, ast.arg) else node.id
            for node in ast.walk(ast.parse(added))
            if isinstance(node, ast.arg | ast.Name)
        }
    except SyntaxError:  # lines that belong to the last block, or syntax of a newer Python
        return mine, ""
    if used & before - after or ends & after:
        return mine, ""
    return mine.removesuffix(added), f"\n\n{added}"


def bound(module: ast.Module) -> set[str]:
    """Return the names that a module's top-level statements bind."""
    names = set()
    for statement in module.body:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            names |= {(each.asname or each.name).partition(".")[0] for each in statement.names}
        elif isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(statement.name)
        else:
            found = (node for node in ast.walk(statement) if isinstance(node, ast.Name))
            names |= {node.id for node in found if isinstance(node.ctx, ast.Store)}
    return names


def together(base: str, mine: str, new: str) -> str:
    """Return a module with the edits of both sides, if edits that touch are independent.

    Raises ConflictError.
    """
    before = base.splitlines(keepends=True)
    if not all(apart(before, *pair) for pair in lines.meeting(base, mine, new)):
        raise ConflictError
    return lines.merged(base, mine, new)


def apart(before: list[str], each: Edit, other: Edit) -> bool:
    """Tell whether two edits are independent.

    They are if both consist of imports, if one changes only comments and docstrings, or if one only deletes
    statements, and the lines of the other do not use what these bind.
    """
    if all(map(IMPORT.match, each.lines + other.lines)):
        return True
    if any(is_prose(before[it.start : it.end]) and is_prose(it.lines) for it in (each, other)):
        return True
    kept, deleted = (each, other) if each.lines else (other, each)
    if deleted.lines:
        return False
    try:
        gone = bound(ast.parse(dedent("".join(before[deleted.start : deleted.end]))))
    except SyntaxError:  # only a part of a statement
        return False
    return not gone & set(re.findall(r"\w+", "".join(kept.lines)))


def is_prose(found: Sequence[str]) -> bool:
    """Tell whether lines of a module are only comments and docstrings."""
    try:
        statements = ast.parse(dedent("".join(found))).body
    except SyntaxError:  # only a part of a statement
        return False
    return all(
        isinstance(each, ast.Expr)
        and isinstance(each.value, ast.Constant)
        and isinstance(each.value.value, str)
        for each in statements
    )


def formatted(text: str, name: str) -> str:
    """Return a module formatted by `ruff format` with the service's own settings. Raises ConflictError."""
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
    """Return the user's lines, each with the change of either side, and the new process types below."""
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
    """Return JSON, merged by its keys."""
    return (
        json.dumps(structure.value(*map(json.loads, (base, mine, new))), indent=2, ensure_ascii=False) + "\n"
    )


def way(name: str) -> Callable[[str, str, str], str] | None:
    """Return the function that merges a file, or None."""
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
    """Restore the files that the service's own list names, whatever the update did to them."""
    lines = (line.strip() for line in before(KEPT).splitlines())
    if not (names := [line for line in lines if line and not line.startswith("#")]):
        return
    committed = listed("ls-tree", "--name-only", "HEAD", "--", *names)
    if changed := committed and sorted(
        set(listed("diff", "--name-only", "--relative", "HEAD", "--", *committed))
    ):
        git("checkout", "--quiet", "HEAD", "--", *changed)
        say(f"Kept as yours, because {KEPT} lists them; the template's have changed: {', '.join(changed)}.")


def main() -> None:
    """Resolve the conflicts that need no decision by the user. The others remain.

    pyproject.toml comes first, because the formatter of the other files reads it.
    """
    keep()
    for name, blobs in sorted(conflicts().items(), key=lambda each: each[0] != "pyproject.toml"):
        if merge := way(name):
            base, mine, new = (git("cat-file", "blob", blobs[side]) for side in "123")
            new = lines.yielding(base, mine, new)
            try:
                replace(Path(name), merge(base, mine, new))
            except (ConflictError, ValueError, yaml.YAMLError):
                continue
            git("reset", "--quiet", "--", name)


if __name__ == "__main__":
    main()
