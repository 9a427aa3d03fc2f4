"""What the scripts do alike in the user's project: ask git, write a file, tell the user a line."""

import subprocess
import sys
from pathlib import Path


def git(*arguments: str) -> str:
    """What git prints. Raises CalledProcessError."""
    return subprocess.run(["git", *arguments], capture_output=True, check=True, text=True).stdout  # noqa: S603, S607


def listed(command: str, *arguments: str) -> list[str]:
    """The entries that git prints with `-z`; paths are relative to the project's folder."""
    return list(filter(None, git(command, "-z", *arguments).split("\0")))


def say(line: str) -> None:
    """One line for the user; copier's own messages go to stderr too."""
    print(line, file=sys.stderr)


def replace(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    new = path.with_name(f"{path.name}.new")
    new.write_text(text, "utf-8", newline="\n")
    new.replace(path)


def before(name: str) -> str:
    """What a file was before the update, or nothing where there was none."""
    try:
        return git("show", f"HEAD:./{name}")
    except (OSError, subprocess.CalledProcessError):
        return ""


def edited_file() -> Path:
    """Where tasks/edited.py leaves for tasks/report.py which files the user has edited."""
    return Path(git("rev-parse", "--git-path", "slipway-edited.json").strip())
