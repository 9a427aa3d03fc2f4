"""Formats answers for files. An answer is a single line without control characters
(`names.text_problem`), so these functions can be short."""

import json
import shutil
import subprocess
from functools import cache


def quoted(text: str) -> str:
    """Return a string in double quotes that TOML, YAML, JSON and Python all read in the same way."""
    return json.dumps(text, ensure_ascii=False)


def python_string(text: str) -> str:
    """Return a Python string as `ruff format` writes it: in the quotes that need fewer escapes."""
    double = quoted(text)
    if text.count('"') <= text.count("'"):
        return double
    inner = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{inner}'"


@cache
def git_config(key: str) -> str:
    """Return a value of git's configuration, or an empty string."""
    if not (git := shutil.which("git")):
        return ""
    done = subprocess.run([git, "config", "--get", key], capture_output=True)  # noqa: S603
    return done.stdout.decode("utf-8", "replace").strip()
