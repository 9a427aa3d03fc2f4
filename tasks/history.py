"""After an update: keep each committed migration as it was, and keep Alembic's history linear.

copier runs this script in the user's project: `history.py FOLDER...`, with the folders of the
migrations. A folder named `versions` holds Alembic's. In the template, a migration of an option follows
the template's first migration; in a project with migrations of its own, it must follow the last one. If
an update turns an option off, its migrations stay, because databases may have run them long ago: without
the files, no tool can tell which state such a database is in.
"""

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from tasks.project import git, listed, say
from tasks.revisions import Migration, UnreadableError, migrations

EMPTY = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"  # the hash of an empty file in git


def arrivals(folder: str) -> dict[str, str]:
    """Return the template's new migrations whose path the user's own file already has: path and text.

    In this case copier leaves a conflict in git's index. Its base is missing or empty; the other two
    sides are the user's file and the template's.
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
    """Restore each committed migration as it was."""
    for name in listed("diff", "--name-only", "--relative", "HEAD", "--", folder):
        if name.endswith(".py") and listed("ls-tree", "--name-only", "HEAD", "--", name):
            git("restore", "--source=HEAD", "--staged", "--worktree", "--", name)
            if Path(name).name != "__init__.py":
                say(f"{name} stays as it was, because databases have run it.")


def one_line(folder: str, arrived: dict[str, str]) -> None:
    """Put the new migrations after the last one, in a linear order and under unused names."""
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
    """Tell whether the user still has this migration from earlier. If so, delete the new copy."""
    known = new.creates and any(new.creates == each.creates for each in old)
    if known:
        Path(new.path).unlink()
    return bool(known)


def follow(new: list[Migration], old: list[Migration]) -> None:
    """Write into each new migration which one it follows. If another one already follows it, keep it."""
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
    """Tell whether this migration was missing, and another one follows it."""
    return new.revision not in {each.revision for each in placed} and any(
        new.revision in each.follows for each in placed
    )


def free(name: str, taken: set[str]) -> str:
    """Return a similar name that is not taken: `0002_outbox.py` becomes `0002_outbox_2.py`."""
    stem, dot, suffix = name.partition(".")
    number = 1
    while name in taken:
        number += 1
        name = f"{stem}_{number}{dot}{suffix}"
    return name


def main(*folders: str) -> None:
    """Repair the history of migrations after the update."""
    for folder in folders:
        arrived = arrivals(folder)
        restore(folder)
        if Path(folder).name == "versions":
            one_line(folder, arrived)


if __name__ == "__main__":
    main(*sys.argv[1:])
