"""After a copy and after each update: raise a project's lock to the pins of this template.

copier runs this script in the project's folder: `pin.py uv|pip GROUP,GROUP`. It raises each package that
is older than its pin, and keeps newer ones and those that the user added. If something is missing, it
prints one line and still exits with status 0, because otherwise copier would delete a new project, or
stop halfway through an update.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from extensions import pins
from tasks import piplock, uv, uvlock
from tasks.project import before, replace, say


def pin_lock(groups: list[str]) -> None:
    """Raise the entries of uv.lock offline, then let uv complete them from the user's own index."""
    path = Path("uv.lock")
    text = path.read_text("utf-8")
    seeds = dict(pins.seeds(groups))
    earlier = (
        {}
        if before(path.name)
        else piplock.versions(before("requirements.txt"), before("requirements-dev.txt"))
    )
    older, seeded = uvlock.raised(text, seeds | piplock.newer(earlier, seeds))
    if not older and uvlock.is_complete(text):
        # The user may have removed a package that is absent. Only uv knows whether the lock needs it.
        fits = not run_uv("lock", "--check") if uv.found() else seeded == text
        if fits:
            return
    if seeded != text:
        replace(path, seeded)
    problem = complete(path, seeded)
    locked = path.read_text("utf-8")
    if not uvlock.is_complete(locked):
        say(f"uv.lock has the pins but not yet the files ({problem}): `uv sync` completes it.")
    elif problem:
        say(f"uv.lock does not fit pyproject.toml yet ({problem}): `uv sync` makes it fit.")
    elif older and not earlier:
        say(f"Raised in uv.lock: {', '.join(older)}.")
    ours = pins.closure([*groups, *pins.development(groups)]).keys()
    lost = earlier.keys() - ours - {name for name, _ in uvlock.versions(locked)}
    if lost:
        wanted = " ".join(f"{name}=={earlier[name]}" for name in sorted(lost))
        say(f"requirements.txt had packages that pyproject.toml does not list: `uv add {wanted}` keeps them.")


def complete(path: Path, seeded: str) -> str:
    """Let uv complete a lock, and return uv's error, if any.

    uv's cache may hold everything that this needs, and is twenty times as fast as the index. But the cache
    may also lack the pinned versions, and then uv would choose the versions that it has.
    """
    if uv.found() and not run_uv("lock", "--offline"):
        if uvlock.versions(path.read_text("utf-8")) <= uvlock.versions(seeded):
            return ""
        replace(path, seeded)
    return run_uv("lock")


def run_uv(*arguments: str) -> str:
    """Run uv, and return its error, if any."""
    return uv.run(*arguments, oldest_python=pins.REQUIRES_PYTHON)


def main(package_manager: str, groups: str) -> None:
    """Raise the pins. If something is wrong with a user's file, say so in one line."""
    try:
        {"uv": pin_lock, "pip": piplock.pin}[package_manager](groups.split(","))
    except (OSError, ValueError, KeyError) as error:
        say(f"The lock was left as it is: {error}")


if __name__ == "__main__":
    main(*sys.argv[1:])
