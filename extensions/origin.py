"""Where `copier update` finds the template again, and at which commit.

copier stores the path of a clone as the user typed it, which means nothing on another machine. If the
clone has uncommitted changes, copier stores a commit that exists only in a temporary copy.
"""

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

# Addresses that copier recognises as git without `git+` in front of them:
# https://copier.readthedocs.io/en/stable/generating/#templates-versions
KNOWN = ("git@", "git://", "git+", "https://github.com/", "https://gitlab.com/")


@dataclass(frozen=True)
class Origin:
    """The answers to store, and the lines to show to the user."""

    stored: Mapping[str, str]
    notes: list[str]


def git(where: Path, *arguments: str) -> str:
    """Return what git prints there, or an empty string if it fails."""
    done = subprocess.run(["git", *arguments], cwd=where, capture_output=True, text=True)  # noqa: S603, S607
    return "" if done.returncode else done.stdout.strip()


def address(url: str) -> str:
    """Return a remote's URL as copier reads it, without a password, or nothing for a local path."""
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
    """Look into the user's clone of the template. `clone` is copier's own copy of that clone."""
    source = Path(str(answers.get("_src_path", ""))).expanduser().absolute()
    if "_commit" not in answers or not source.is_dir():
        return Origin({}, [])
    commit, described, notes = git(clone, "rev-parse", "HEAD"), str(answers["_commit"]), []
    if not git(source, "cat-file", "-t", commit):
        commit = git(clone, "rev-parse", "HEAD^")
        described = git(clone, "describe", "--tags", "--always", "HEAD^")
        notes.append(
            "The template has uncommitted changes, and the service contains them. Its version is "
            f"{described}, the commit before these changes."
        )
    if not git(clone, "tag", "--list"):
        notes.append(
            "The template has no tags, so each commit counts as a version: `uvx nox -s release` adds tags."
        )
    url = address(git(source, "config", "--get", "remote.origin.url"))
    if url and git(source, "branch", "--remotes", "--list", "origin/*", "--contains", commit):
        return Origin({"_commit": described, "_src_path": url}, notes)
    notes.append(
        f"`copier update` will look for the template in {source}. For updates on other machines, change "
        "_src_path in .copier-answers.yml to the address of a repository that has this version."
    )
    return Origin({"_commit": described, "_src_path": str(source)}, notes)
