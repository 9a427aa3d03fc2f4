"""Git repositories of the template for copier: with the work tree's state, and with every release."""

import re
import shutil
from pathlib import Path

from .git import commit_all, git

ROOT = Path(__file__).parents[2]
HEAD = "999.0.0"  # the tag of the work tree's state, which is newer than any release


def copy_work_tree(to: Path) -> None:
    """Copy all files of the work tree that git does not ignore."""
    names = git(ROOT, "ls-files", "--cached", "--others", "--exclude-standard", "-z").split("\0")
    for name in filter(None, names):
        source = ROOT / name
        if source.is_file():  # git also lists deleted files
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, to / name)


def snapshot(to: Path) -> None:
    """Make a repository of the work tree's present state, tagged HEAD."""
    to.mkdir(parents=True)
    copy_work_tree(to)
    commit_all(to, "The work tree", tag=HEAD)


def releases() -> dict[str, str]:
    """Return the commit that set each released version, oldest first. 0.0.0 is not a release."""
    found: dict[str, str] = {}
    log = ("log", "--reverse", "--first-parent", "--format=%H", "-G^version = ", "--", "pyproject.toml")
    for commit in git(ROOT, *log).split():
        manifest = git(ROOT, "show", f"{commit}:pyproject.toml")
        if version := re.search(r'^version = "(.+)"$', manifest, re.MULTILINE):
            found.setdefault(version[1], commit)
    found.pop("0.0.0", None)
    return found


def with_releases(to: Path) -> None:
    """Make a repository with a tag for each released version, and the work tree's state tagged HEAD."""
    git(ROOT, "clone", "--quiet", "--no-local", str(ROOT), str(to))
    for version, commit in releases().items():
        git(to, "tag", "--force", version, commit)
    git(to, "rm", "--quiet", "-r", ".")
    copy_work_tree(to)
    commit_all(to, "The work tree", tag=HEAD)
