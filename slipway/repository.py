"""How the launcher asks git about services and about the template."""

import os
import subprocess
from functools import cache
from pathlib import Path

from copier._vcs import _get_mirror_path, _get_or_create_mirror, _is_valid_mirror, get_repo
from copier.errors import UserMessageError
from packaging.version import InvalidVersion, Version
from plumbum import ProcessExecutionError

from .errors import one_line, say


def git(where: Path, *arguments: str) -> str:
    """Return what git prints there, or an empty string if it fails."""
    done = subprocess.run(["git", *arguments], cwd=where, capture_output=True, text=True)  # noqa: S603, S607
    return "" if done.returncode else done.stdout.strip("\n")


def key(address: str) -> str:
    """Return an address in a normal form, so that two spellings of it compare equal."""
    return address.removeprefix("git+").removesuffix("/").removesuffix(".git")


@cache
def at_hand(address: str) -> Path:
    """Return a local repository of the template: the clone, or copier's mirror of the address.

    The mirror is updated if the network is reachable, and used as it is otherwise.
    """
    path = Path(address).expanduser()
    if path.is_dir():
        return path
    url = get_repo(address) or address
    with one_line(address):
        try:
            return Path(_get_or_create_mirror(url))
        except ProcessExecutionError:
            mirror = Path(_get_mirror_path(url))
            if not _is_valid_mirror(mirror):
                raise
            say(f"{address} cannot be reached: using the copy from the last time that it could.")
            return mirror


def parsed(tag: str) -> Version | None:
    """Return a tag as a version, or None if it is not one."""
    try:
        return Version(tag)
    except InvalidVersion:
        return None


def newest(template: Path) -> str:
    """Return the tag of the newest release. Raises UserMessageError."""
    tags = {version: tag for tag in git(template, "tag", "--list").split() if (version := parsed(tag))}
    released = [version for version in tags if not version.is_prerelease]
    if not released:
        raise UserMessageError(f"{template} has no tags, so it has no releases to compare with.")
    return tags[max(released)]


def instead(address: str, template: Path, cache_folder: Path) -> dict[str, str]:
    """Return the variables that make git and copier read the template from this machine.

    Otherwise, each of many parallel updates would use the network and write the same mirror.
    """
    url, number = get_repo(address) or address, int(os.environ.get("GIT_CONFIG_COUNT", 0))
    found = {"COPIER_CACHE_DIR": str(cache_folder)}
    if str(template) != url:
        found |= {
            "GIT_CONFIG_COUNT": str(number + 1),
            f"GIT_CONFIG_KEY_{number}": f"url.{template}.insteadOf",
            f"GIT_CONFIG_VALUE_{number}": url,
        }
    return found
