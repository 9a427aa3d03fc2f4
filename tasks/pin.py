"""Bring a project's lock to the pins of this template, after a copy and after each update.

copier runs it in the project's folder: `pin.py uv|pip GROUP,GROUP`. What is older than its pin is
raised, what is newer stays, what the user added stays. It ends with 0 and one line whatever is
missing, because copier would otherwise delete a new project, or stop halfway through an update.
"""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from packaging.version import Version

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from extensions import pins
from tasks import requirements, uvlock
from tasks.project import replace, say

SECONDS_TO_LOCK = 120


def pin_requirements(groups: list[str]) -> None:
    """The two files that pip installs from. Needs neither the network nor a resolver."""
    run, dev = Path("requirements.txt"), Path("requirements-dev.txt")
    wanted = pins.requirement_files(groups)
    every = list(pins.requirements(pins.closure([*groups, *pins.development(groups)])))
    new_run = requirements.raised(run.read_text("utf-8"), every, wanted[run.name])
    new_dev = requirements.raised(dev.read_text("utf-8"), every, wanted[dev.name], base=new_run)
    for path, text in ((run, new_run), (dev, new_dev)):
        if text != path.read_text("utf-8"):
            replace(path, text)
            say(f"{path} is at the template's pins.")


def pin_lock(groups: list[str]) -> None:
    """uv.lock: raise its entries offline, then let uv complete them from the user's own index."""
    path = Path("uv.lock")
    before = path.read_text("utf-8")
    older, seeded = uvlock.raised(before, dict(pins.seeds(groups)))
    uv = os.environ.get("UV") or shutil.which("uv")
    if not older and uvlock.is_complete(before):
        # What is absent may be something that the user removed: only uv knows whether it is wanted.
        fits = not run_uv(uv, "lock", "--check") if uv else seeded == before
        if fits:
            return
    if seeded != before:
        replace(path, seeded)
    problem = complete(uv, path, seeded) if uv else "uv was not found"
    if not uvlock.is_complete(path.read_text("utf-8")):
        say(f"uv.lock has the pins but not yet the files ({problem}): `uv sync` completes it.")
    elif problem:
        say(f"uv.lock does not fit pyproject.toml yet ({problem}): `uv sync` makes it fit.")
    elif older:
        say(f"Raised in uv.lock: {', '.join(older)}.")


def complete(uv: str, path: Path, seeded: str) -> str:
    """Let uv complete a lock, and return what it has to complain of.

    Its cache may know all that it takes, and is twenty times as fast as asking the index. But a cache
    may also lack the pinned versions, and then uv would take those that it has.
    """
    if not run_uv(uv, "lock", "--offline"):
        if uvlock.versions(path.read_text("utf-8")) <= uvlock.versions(seeded):
            return ""
        replace(path, seeded)
    return run_uv(uv, "lock")


def run_uv(uv: str, *arguments: str) -> str:
    """Run uv, and return what it has to complain of, as one line.

    It gets this Python where that will do, so that it downloads none: any supported one makes
    the same lock.
    """
    environment = os.environ | {"NO_COLOR": "1"}
    environment.pop("VIRTUAL_ENV", None)
    oldest = pins.REQUIRES_PYTHON.removeprefix(">=")
    if Version("{}.{}".format(*sys.version_info)) >= Version(oldest):
        environment["UV_PYTHON"] = sys.executable
    try:
        done = subprocess.run(  # noqa: S603
            [uv, *arguments],
            env=environment,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=SECONDS_TO_LOCK,
        )
    except subprocess.TimeoutExpired:
        return f"`uv lock` took more than {SECONDS_TO_LOCK} s"
    except OSError as error:
        return f"uv cannot be run: {error.strerror}"
    if not done.returncode:
        return ""
    return uvlock.first_error(done.stderr)


def main(package_manager: str, groups: str) -> None:
    """Pin, and turn what is wrong with a user's file into a line."""
    try:
        {"uv": pin_lock, "pip": pin_requirements}[package_manager](groups.split(","))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        say(f"The lock was left as it is: {error}")


if __name__ == "__main__":
    main(*sys.argv[1:])
