"""The folder into which a service is launched."""

import re
import tempfile
from pathlib import Path, PurePath


def is_copiers_own(folder: PurePath) -> bool:
    """Tell whether this is one of the two copies that `copier update` makes to compare."""
    return any(re.match(r"copier\._main\.(old|new)_copy\.", part) for part in folder.parts)


def problem(folder: Path, overwrite: bool) -> str:
    """Return why a service cannot be written there, or an empty string. A new git repository counts as
    empty. `--overwrite`, which `copier update` implies, accepts a folder with files."""
    target = folder.absolute()
    try:
        existing = next(path for path in (target, *target.parents) if path.exists())
        if not existing.is_dir():
            return f"Cannot launch into {folder}: {existing} is a file."
        others = (entry.name for entry in existing.iterdir() if entry.name != ".git")
        if existing == target and not overwrite and any(others):
            return f"Cannot launch into {folder}: it is not empty."
        with tempfile.TemporaryDirectory(dir=existing):
            return ""  # only writing shows whether one may write: mounts, quotas, ACLs
    except OSError as error:
        return f"Cannot launch into {folder}: {error.strerror}."
