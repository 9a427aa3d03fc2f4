"""During an update: record which files of the template the user has edited.

copier runs this script in the user's project: `edited.py ANSWERS_FILE`. It compares the committed files
with the files that the service's old version of the template generates. copier keeps these in a
temporary folder until it has merged. The script writes the names into git's folder, and tasks/report.py
reads them there.
"""

import hashlib
import json
import sys
import tempfile
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from tasks.project import before, edited_file, git, listed

LOCKS = ("uv.lock", "requirements.txt", "requirements-dev.txt")


def answers(text: str) -> dict[str, object]:
    """Return the answers of a file, without copier's own entries."""
    read = yaml.safe_load(text) or {}
    return {name: answer for name, answer in read.items() if not name.startswith("_")}


def pristine_copy(answers_file: str) -> Path | None:
    """Return the folder in which copier has rendered the old answers with the old template."""
    inside = git("rev-parse", "--show-prefix").strip()
    wanted = answers(before(answers_file))
    folders = Path(tempfile.gettempdir()).glob("copier._main.old_copy.*")
    for folder in sorted(folders, key=lambda path: path.stat().st_mtime, reverse=True):
        file = folder / inside / answers_file
        if file.exists() and answers(file.read_text("utf-8")) == wanted:
            return folder / inside
    return None


def edited(pristine: Path) -> list[str]:
    """Return the committed files that differ from the files that the template made, except locks."""
    found = []
    for entry in listed("ls-files", "--stage"):
        about, _, name = entry.partition("\t")
        made = pristine / name
        if made.is_file() and name not in LOCKS:
            content = made.read_bytes()
            blob = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
            if blob != about.split()[1]:
                found.append(name)
    return found


if __name__ == "__main__":
    copy = pristine_copy(sys.argv[1])
    edited_file().write_text(json.dumps(edited(copy) if copy else []), "utf-8")
