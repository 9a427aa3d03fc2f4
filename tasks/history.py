"""After an update: each committed migration stands as it was, and those of Alembic are one line.

copier runs it in the user's project: `history.py FOLDER...`, the folders of the migrations; in one
that is named `versions` they are Alembic's. What an option brings follows the template's own first
migration; in a project that has grown it is to follow the last one. What an option takes with it
may have run long ago: without it, no tool knows where such a database stands.
"""

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from tasks.project import git, listed, say
from tasks.revisions import Migration, UnreadableError, migrations

EMPTY = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"  # what git calls a file without content


def arrivals(folder: str) -> dict[str, str]:
    """The template's new migrations at paths where the user has a file of their own: path and text.

    copier then leaves the three sides of a conflict in git's index: nothing was there before, the
    user's, and the template's.
    """
    sides: dict[str, dict[str, str]] = {}
    for line in listed("ls-files", "--unmerged", "--", folder):
        about, _, path = line.partition("\t")
        _, blob, side = about.split()
        sides.setdefault(path, {})[side] = blob
    return {
        path: git("cat-file", "blob", found["3"])
        for path, found in sides.items()
        if found.get("1", EMPTY) == EMPTY and "3" in found
    }


def restore(folder: str) -> None:
    """Bring back each committed migration as it was."""
    for name in listed("diff", "--name-only", "--relative", "HEAD", "--", folder):
        if name.endswith(".py") and listed("ls-tree", "--name-only", "HEAD", "--", name):
            git("restore", "--source=HEAD", "--staged", "--worktree", "--", name)
            if Path(name).name != "__init__.py":
                say(f"{name} stays as it was, because databases have run it.")


def one_line(folder: str, arrived: dict[str, str]) -> None:
    """Let what has come follow the last migration, one after the other, under names that are free."""
    committed = [name for name in listed("ls-files", "--", folder) if name.endswith(".py")]
    untracked = listed("ls-files", "--others", "--exclude-standard", "--", folder)
    come = [name for name in untracked if name.endswith(".py")]
    for path, text in arrived.items():
        name = free(Path(path).name, {Path(name).name for name in [*committed, *come]})
        Path(path).with_name(name).write_text(text, "utf-8", newline="\n")
        come.append(str(Path(path).with_name(name)))
    if not come:
        return
    try:
        old, new = migrations(committed), migrations(come)
    except UnreadableError as error:
        say(f"{error} Let {', '.join(come)} follow your last migration: see `alembic history`.")
        return
    follow([each for each in new if not is_known(each, old)], old)


def is_known(new: Migration, old: list[Migration]) -> bool:
    """Whether the user has kept this migration from an earlier time; then it need not come again."""
    known = new.creates and any(new.creates == each.creates for each in old)
    if known:
        Path(new.path).unlink()
    return bool(known)


def follow(new: list[Migration], old: list[Migration]) -> None:
    """Write into each new migration which one it follows; what others follow stays in its place."""
    placed = list(old)
    while returned := next((each for each in new if is_awaited(each, placed)), None):
        new.remove(returned)
        placed.append(returned)
    taken = {each.revision for each in placed}
    heads = sorted(taken - {name for each in placed for name in each.follows})
    if len(heads) > 1:
        say(f"The migrations {', '.join(heads)} are each the last one: join them with `alembic merge heads`.")
    for each in new:
        stem = Path(each.path).stem
        revision = each.revision
        if revision in taken:
            revision = free(stem.partition("_")[2] or stem, taken)
        fields = {"revision": f'"{revision}"'}
        if len(heads) < 2:
            fields["down_revision"] = f'"{heads[0]}"' if heads else "None"
            heads = [revision]
        path = Path(each.path)
        text = path.read_text("utf-8")
        for field, value in fields.items():
            text = re.sub(f"^{field} = .*$", f"{field} = {value}", text, count=1, flags=re.MULTILINE)
        path.write_text(text, "utf-8", newline="\n")
        taken.add(revision)


def is_awaited(new: Migration, placed: list[Migration]) -> bool:
    """Whether another migration follows this one, which was missing."""
    return new.revision not in {each.revision for each in placed} and any(
        new.revision in each.follows for each in placed
    )


def free(name: str, taken: set[str]) -> str:
    """A name like this one that is not taken: `0002_outbox.py` becomes `0002_outbox_2.py`."""
    stem, dot, suffix = name.partition(".")
    number = 1
    while name in taken:
        number += 1
        name = f"{stem}_{number}{dot}{suffix}"
    return name


def main(*folders: str) -> None:
    """Mend what the update did to the history."""
    for folder in folders:
        arrived = arrivals(folder)
        restore(folder)
        if Path(folder).name == "versions":
            one_line(folder, arrived)


if __name__ == "__main__":
    main(*sys.argv[1:])
