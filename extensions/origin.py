"""Where `copier update` finds the template again, and at which commit.

copier stores the path of a clone as it was typed, which means nothing on another machine, and for a
clone with uncommitted changes a commit that it makes in a copy of its own and throws away.
"""

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

# What copier takes for an address of git without `git+` in front of it:
# https://copier.readthedocs.io/en/stable/generating/#templates-versions
KNOWN = ("git@", "git://", "git+", "https://github.com/", "https://gitlab.com/")


@dataclass(frozen=True)
class Origin:
    """What to store, and what to tell the user, a line each."""

    stored: Mapping[str, str]
    notes: list[str]


def git(where: Path, *arguments: str) -> str:
    """What git prints there, or nothing where it fails."""
    done = subprocess.run(["git", *arguments], cwd=where, capture_output=True, text=True)  # noqa: S603, S607
    return "" if done.returncode else done.stdout.strip()


def address(url: str) -> str:
    """A remote's URL as copier takes it, without a password; nothing for a path of this machine."""
    if "://" in url:
        parts = urlsplit(url)
        user, _, host = parts.netloc.rpartition("@")
        user = "" if parts.scheme.startswith("http") else user.partition(":")[0]
        url = urlunsplit(parts._replace(netloc=f"{user}@{host}" if user else host))
        if parts.scheme == "file":
            return ""
    elif not re.match(r"([\w.-]+@)?[\w.-]{2,}:", url):
        return ""
    return url if url.startswith(KNOWN) or url.endswith(".git") else f"git+{url}"


def find(answers: Mapping[str, Any], clone: Path) -> Origin:
    """Look into the user's clone of the template; `clone` is the copy that copier has made of it."""
    source = Path(str(answers.get("_src_path", ""))).expanduser().absolute()
    if "_commit" not in answers or not source.is_dir():
        return Origin({}, [])
    commit, described, notes = git(clone, "rev-parse", "HEAD"), str(answers["_commit"]), []
    if not git(source, "cat-file", "-t", commit):
        commit = git(clone, "rev-parse", "HEAD^")
        described = git(clone, "describe", "--tags", "--always", "HEAD^")
        notes.append(
            f"The template has uncommitted changes. The service has them too, and names {described}, "
            "the commit before them, as its version."
        )
    if not git(clone, "tag", "--list"):
        notes.append(
            "The template has no tags, so that each commit is a version: `uvx nox -s release` tags them."
        )
    url = address(git(source, "config", "--get", "remote.origin.url"))
    if url and git(source, "branch", "--remotes", "--list", "origin/*", "--contains", commit):
        return Origin({"_commit": described, "_src_path": url}, notes)
    notes.append(
        f"`copier update` will look for the template in {source}. To update on other machines too, write "
        "the address of a repository that has this version as _src_path into .copier-answers.yml."
    )
    return Origin({"_commit": described, "_src_path": str(source)}, notes)
