"""The folder that a service is to be launched into."""

import re
import tempfile
from pathlib import Path, PurePath


def is_copiers_own(folder: PurePath) -> bool:
    """Whether this is one of the two copies that `copier update` makes to compare."""
    return any(re.match(r"copier\._main\.(old|new)_copy\.", part) for part in folder.parts)


def problem(folder: Path, overwrite: bool) -> str:
    """Why nothing can be written there, or nothing. A fresh git repository counts as empty;
    `--overwrite` (which `copier update` implies) says that the user knows of the files."""
    target = folder.absolute()
    try:
        existing = next(path for path in (target, *target.parents) if path.exists())
        if not existing.is_dir():
            return f"Cannot launch into {folder}: {existing} is a file."
        others = (entry.name for entry in existing.iterdir() if entry.name != ".git")
        if existing == target and not overwrite and any(others):
            return f"Cannot launch into {folder}: it is not empty."
        with tempfile.TemporaryDirectory(dir=existing):
            return ""  # whether one may write is known only by writing: mounts, quotas, ACLs
    except OSError as error:
        return f"Cannot launch into {folder}: {error.strerror}."
