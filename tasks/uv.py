"""Run uv, and turn its errors into one line."""

import os
import shutil
import subprocess
import sys

from packaging.version import Version

SECONDS = 120


def found() -> str:
    """Return the path of uv (uvx sets UV to its own), or an empty string if there is none."""
    return os.environ.get("UV") or shutil.which("uv") or ""


def run(*arguments: str, oldest_python: str) -> str:
    """Run uv, and return its error as one line, or an empty string.

    uv uses the Python that runs this script, if it is new enough, so that uv does not download one. Any
    supported Python produces the same lock.
    """
    if not (uv := found()):
        return "uv was not found"
    environment = os.environ | {"NO_COLOR": "1"}
    environment.pop("VIRTUAL_ENV", None)
    if Version("{}.{}".format(*sys.version_info)) >= Version(oldest_python.removeprefix(">=")):
        environment["UV_PYTHON"] = sys.executable
    try:
        done = subprocess.run(  # noqa: S603
            [uv, *arguments],
            env=environment,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=SECONDS,
        )
    except subprocess.TimeoutExpired:
        return f"`uv {arguments[0]}` took more than {SECONDS} s"
    except OSError as error:
        return f"uv cannot be run: {error.strerror}"
    return first_error(done.stderr) if done.returncode else ""


def first_error(stderr: str) -> str:
    """Return the line of uv's output that states the error."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith(("error:", "\N{MULTIPLICATION SIGN}", "cause:"))]
    return " ".join((errors or lines or ["uv said nothing"])[0].removeprefix("error:").split())
