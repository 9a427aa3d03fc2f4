"""Answers as they are written into files. They are single lines without control characters
(`names.text_problem`), which is what makes these rules so short."""

import json
import shutil
import subprocess
from functools import cache


def quoted(text: str) -> str:
    """A string in double quotes that TOML, YAML, JSON and Python read alike."""
    return json.dumps(text, ensure_ascii=False)


def python_string(text: str) -> str:
    """A Python string as `ruff format` leaves it: in the quotes that need fewer escapes."""
    double = quoted(text)
    if text.count('"') <= text.count("'"):
        return double
    inner = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{inner}'"


@cache
def git_config(key: str) -> str:
    """What git knows of the user, or an empty string."""
    if not (git := shutil.which("git")):
        return ""
    done = subprocess.run([git, "config", "--get", key], capture_output=True)  # noqa: S603
    return done.stdout.decode("utf-8", "replace").strip()
