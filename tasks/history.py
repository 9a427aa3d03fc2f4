"""After an update: the migrations of Alembic are one line, and those that were committed stand as they were.

copier runs it in the user's project: `history.py FOLDER`, the folder of the migrations. What an
option brings follows on the template's own first migration; in a project that has grown it is to
follow on the last one. What an option takes with it may have run long ago: without it, Alembic
does not know where such a database stands.
"""

import ast
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

FIELDS = ("revision", "down_revision")


def git(command: str, *arguments: str) -> list[str]:
    """The paths that git prints, relative to the project's folder."""
    words = ["git", command, "-z", *arguments]
    printed = subprocess.run(words, capture_output=True, check=True, text=True).stdout  # noqa: S603
    return list(filter(None, printed.split("\0")))


def say(line: str) -> None:
    """One line for the user; copier's own messages go to stderr too."""
    print(line, file=sys.stderr)


def restore(folder: str) -> None:
    """Bring back each committed migration as it was."""
    for name in git("diff", "--name-only", "--relative", "HEAD", "--", folder):
        subprocess.run(["git", "restore", "--source=HEAD", "--staged", "--worktree", "--", name], check=True)  # noqa: S603, S607
        say(f"{name} stays as it was: databases have run it, so what it imports has to stay too.")


def fields(text: str) -> dict[str, Any]:
    """A migration's own name and the one that it follows on, or several, or None."""
    found = {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value:
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                if isinstance(target, ast.Name) and target.id in FIELDS:
                    found[target.id] = ast.literal_eval(node.value)
    return found


def follow(new: list[str], old: list[str]) -> None:
    """Let the new migrations follow on the last one, one after the other, under names that are free."""
    known = [fields(Path(name).read_text("utf-8")) for name in old]
    followed = {name for each in known for name in as_tuple(each.get("down_revision"))}
    taken = {each["revision"] for each in known if "revision" in each}
    heads = sorted(taken - followed)
    if len(heads) > 1:
        say(f"The migrations {', '.join(heads)} are each the last one: join them with `alembic merge heads`.")
        return
    head = heads[0] if heads else None
    for name in new:
        path = Path(name)
        text = path.read_text("utf-8")
        revision = fields(text)["revision"]
        if revision in taken:
            revision = path.stem.partition("_")[2]
        for field, value in zip(FIELDS, (revision, head), strict=True):
            text = re.sub(f"^{field} = .*$", f"{field} = {quoted(value)}", text, count=1, flags=re.MULTILINE)
        path.write_text(text, "utf-8", newline="\n")
        taken.add(revision)
        head = revision


def as_tuple(value: Any) -> tuple[str, ...]:
    """What a migration follows on, however it says so."""
    return value if isinstance(value, tuple) else (value,) if value else ()


def quoted(value: str | None) -> str:
    """As ruff would have it."""
    return f'"{value}"' if value else "None"


def main(folder: str) -> None:
    """Mend what the update did to the history."""
    restore(folder)
    new = sorted(
        name
        for name in git("ls-files", "--others", "--exclude-standard", "--", folder)
        if name.endswith(".py")
    )
    if new:
        old = [name for name in git("ls-files", "--", folder) if name.endswith(".py")]
        follow(new, old)


if __name__ == "__main__":
    main(*sys.argv[1:])
