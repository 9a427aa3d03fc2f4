"""What all scripts share: they ask git, write files and print lines for the user."""

import subprocess
import sys
from pathlib import Path


def git(*arguments: str) -> str:
    """Return what git prints. Raises CalledProcessError."""
    return subprocess.run(["git", *arguments], capture_output=True, check=True, text=True).stdout  # noqa: S603, S607


def listed(command: str, *arguments: str) -> list[str]:
    """Return the entries that git prints with `-z`. Paths are relative to the project's folder."""
    return list(filter(None, git(command, "-z", *arguments).split("\0")))


def say(line: str) -> None:
    """Print one line for the user to stderr, as copier does with its own messages."""
    print(line, file=sys.stderr)


def replace(path: Path, text: str) -> None:
    """Write a file completely or not at all."""
    new = path.with_name(f"{path.name}.new")
    new.write_text(text, "utf-8", newline="\n")
    new.replace(path)


def before(name: str) -> str:
    """Return a file's content before the update, or an empty string if there was no such file."""
    try:
        return git("show", f"HEAD:./{name}")
    except (OSError, subprocess.CalledProcessError):
        return ""


def edited_file() -> Path:
    """Return the path at which tasks/edited.py writes the edited files' names for tasks/report.py."""
    return Path(git("rev-parse", "--git-path", "slipway-edited.json").strip())
