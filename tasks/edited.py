"""While an update renders: note which files of the template the user has edited.

copier runs it in the user's project: `edited.py ANSWERS_FILE`. It compares what was committed with
what the last version of the template made, which copier keeps beside until it has merged, and leaves
the names in git's folder, where tasks/report.py takes them from.
"""

import hashlib
import json
import sys
import tempfile
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from tasks.project import before, edited_file, git, listed


def answers(text: str) -> dict[str, object]:
    """The answers of a file, without what copier says of itself there."""
    read = yaml.safe_load(text) or {}
    return {name: answer for name, answer in read.items() if not name.startswith("_")}


def pristine_copy(answers_file: str) -> Path | None:
    """The folder in which copier has rendered the old answers with the old template."""
    inside = git("rev-parse", "--show-prefix").strip()
    wanted = answers(before(answers_file))
    folders = Path(tempfile.gettempdir()).glob("copier._main.old_copy.*")
    for folder in sorted(folders, key=lambda path: path.stat().st_mtime, reverse=True):
        file = folder / inside / answers_file
        if file.exists() and answers(file.read_text("utf-8")) == wanted:
            return folder / inside
    return None


def edited(pristine: Path) -> list[str]:
    """The committed files that are there in another form than the template made them in."""
    found = []
    for entry in listed("ls-files", "--stage"):
        about, _, name = entry.partition("\t")
        made = pristine / name
        if made.is_file():
            content = made.read_bytes()
            blob = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
            if blob != about.split()[1]:
                found.append(name)
    return found


if __name__ == "__main__":
    copy = pristine_copy(sys.argv[1])
    edited_file().write_text(json.dumps(edited(copy) if copy else []), "utf-8")
