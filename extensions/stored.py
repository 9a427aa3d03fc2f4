"""The answers that a service has stored: which ones an update may not change, and which must be there."""

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from . import options

# How to change an answer that an update cannot change, as the end of a sentence.
WAYS = {
    "package": (
        "To rename it, `git mv {old} {new}`, replace the name in your files and in {file}, commit, "
        "and update again."
    ),
    "framework": "To change it, launch a new service beside this one and move your code there.",
}


def answers(path: Path) -> dict[str, Any]:
    """Return the answers of a service, or none if there is no service yet."""
    try:
        read = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    return read if isinstance(read, dict) and "_src_path" in read else {}


def problem(stored: Mapping[str, Any], data: Mapping[str, Any], path: Path, template: Path) -> str:
    """Return why the service whose answers are at `path` cannot be updated, or an empty string."""
    for question, way in WAYS.items():
        old = stored.get(question)
        new = data.get(question, old)
        if old and new != old:
            return f"An update cannot change {question} {old}. {way.format(old=old, new=new, file=path.name)}"
    if lost := [question for question in asked(stored, template) if question not in stored]:
        return (
            f"{path.name} lacks {', '.join(lost)}: find the value with `git log -p {path.name}`. "
            "Put it back, commit, and update again."
        )
    package = path.parent / str(stored.get("package", ""))
    if not package.is_dir():
        return (
            f"There is no folder {package.name}, which {path.name} names as the package: "
            "write the package's present name there, commit, and update again."
        )
    return ""


def asked(stored: Mapping[str, Any], template: Path) -> list[str]:
    """Return the questions that the service's version of the template asked."""
    command = ["git", "show", f"{stored.get('_commit')}:copier.yml"]
    done = subprocess.run(command, cwd=template, capture_output=True)  # noqa: S603
    questions = yaml.safe_load(done.stdout) if not done.returncode else {}
    return [
        name
        for name, details in questions.items()
        if not name.startswith("_") and ("when" not in details or stored.get("queue") in options.ON_REDIS)
    ]
