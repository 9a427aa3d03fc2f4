"""Before an update takes the files of an option with it: say which of them were edited.

copier runs it in the user's project once the answers are known, and removes the files afterwards;
it would say nothing itself. `gone.py ANSWERS_FILE` compares with what the last version of the
template made, which copier keeps beside until the update has ended.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from extensions.options import FILES


def git(*arguments: str) -> bytes:
    """What git prints, or nothing where it complains."""
    return subprocess.run(["git", *arguments], capture_output=True, check=False).stdout  # noqa: S603, S607


def options(answers: bytes) -> set[str]:
    """The platforms and the CI that the answers name."""
    read = yaml.safe_load(answers) or {}
    return {*(read.get("platforms") or []), read.get("ci") or "none"}


def pristine_copy(answers_file: str, answers: bytes) -> Path | None:
    """The folder in which copier has rendered the old answers with the old template."""
    inside = git("rev-parse", "--show-prefix").decode().strip()
    found = Path(tempfile.gettempdir()).glob("copier._main.old_copy.*")
    for folder in sorted(found, key=lambda path: path.stat().st_mtime, reverse=True):
        copy = folder / inside
        if (copy / answers_file).exists() and (copy / answers_file).read_bytes() == answers:
            return copy
    return None


def edited(paths: tuple[str, ...], pristine: Path | None) -> Iterator[str]:
    """The tracked files below these paths that are not as the template made them."""
    for name in git("ls-files", "-z", "--", *paths).decode().split("\0"):
        if name and Path(name).is_file():
            made = pristine / name if pristine else None
            if not made or not made.is_file() or made.read_bytes() != Path(name).read_bytes():
                yield name


def main(answers_file: str) -> None:
    """Name what goes and can be brought back."""
    before = git("show", f"HEAD:./{answers_file}")
    for option in sorted(options(before) - options(Path(answers_file).read_bytes())):
        pristine = pristine_copy(answers_file, before)
        for name in edited(FILES.get(option, ()), pristine):
            print(f"{name} goes with {option}, and you had edited it: `git restore {name}`", file=sys.stderr)


if __name__ == "__main__":
    main(*sys.argv[1:])
