"""The answers that a service has stored: what an update may not change, and what must not be missing."""

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from . import options

# How to change what an update cannot, as the end of a sentence about an answer.
WAYS = {
    "package": (
        "To rename it, `git mv {old} {new}`, replace the name in your files and in {file}, commit, "
        "and update again."
    ),
    "framework": "To change it, launch a new service beside this one and move your code there.",
}


def answers(path: Path) -> dict[str, Any]:
    """The answers of a service, or none where nothing has been launched yet."""
    try:
        read = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    return read if isinstance(read, dict) and "_src_path" in read else {}


def problem(stored: Mapping[str, Any], data: Mapping[str, Any], path: Path, template: Path) -> str:
    """What speaks against an update of the service whose answers are at `path`, or nothing."""
    for question, way in WAYS.items():
        old = stored.get(question)
        new = data.get(question, old)
        if old and new != old:
            return f"{question} stays {old} in an update. {way.format(old=old, new=new, file=path.name)}"
    if lost := [question for question in asked(stored, template) if question not in stored]:
        return (
            f"{path.name} lacks {', '.join(lost)}: `git log -p {path.name}` shows what it was. "
            "Put it back, commit, and update again."
        )
    package = path.parent / str(stored.get("package", ""))
    if not package.is_dir():
        return (
            f"There is no folder {package.name}, which {path.name} names as the package: "
            "write its name of today there, commit, and update again."
        )
    return ""


def asked(stored: Mapping[str, Any], template: Path) -> list[str]:
    """The questions that the service's version of the template has asked it."""
    command = ["git", "show", f"{stored.get('_commit')}:copier.yml"]
    done = subprocess.run(command, cwd=template, capture_output=True)  # noqa: S603
    questions = yaml.safe_load(done.stdout) if not done.returncode else {}
    return [
        name
        for name, details in questions.items()
        if not name.startswith("_") and ("when" not in details or stored.get("queue") in options.ON_REDIS)
    ]
