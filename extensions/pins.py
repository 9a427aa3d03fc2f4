"""The pinned versions for a set of answers: the union of its groups in pins/pins.json.

`tasks/` uses this module too, to raise a project's own pins.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

PINS = json.loads((Path(__file__).parent.parent / "pins" / "pins.json").read_text("utf-8"))
REQUIRES_PYTHON: str = PINS["requires-python"]

# Each name with its versions, and each version with its environment marker. None means everywhere.
Closure = dict[str, dict[str, str | None]]


def development(groups: Iterable[str]) -> list[str]:
    """Return the groups that only development needs: `dev`, and those of options, such as `postgres-dev`."""
    own = (f"{group}-dev" for group in groups)
    return ["dev", *(group for group in own if group in PINS["groups"])]


def direct(groups: Iterable[str]) -> list[str]:
    """Return the direct requirements of the groups, in the order of the manifest."""
    return list(dict.fromkeys(name for group in groups for name in PINS["groups"][group]["direct"]))


def closure(groups: Iterable[str]) -> Closure:
    """Return all packages that the groups need. The marker is None if one group needs it everywhere."""
    markers: dict[str, dict[str, set[str | None]]] = {}
    for group in groups:
        for name, pins in PINS["groups"][group]["closure"].items():
            for version, marker in pins:
                markers.setdefault(name, {}).setdefault(version, set()).add(marker)
    return {
        name: {version: _either(found) for version, found in sorted(versions.items())}
        for name, versions in sorted(markers.items())
    }


def _either(markers: set[str | None]) -> str | None:
    """Return a marker that is true if any of these is true."""
    known = sorted(marker for marker in markers if marker is not None)
    if len(known) < len(markers):
        return None
    return known[0] if len(known) == 1 else " or ".join(f"({marker})" for marker in known)


def image(name: str) -> str:
    """Return an image's name with its tag and, if the pins have it, its digest."""
    digest = PINS["images"][name]
    return f"{name}@{digest}" if digest else name


def requirements(pins: Closure) -> Iterator[str]:
    """Yield the entries of a requirements.txt, each with its hashes, as `uv pip compile` writes them."""
    for name, versions in pins.items():
        for version, marker in versions.items():
            where = f" ; {marker}" if marker else ""
            hashes = (f"    --hash={value}" for value in PINS["packages"][name][version])
            yield " \\\n".join([f"{name}=={version}{where}", *hashes])


def requirement_files(groups: Iterable[str]) -> dict[str, list[str]]:
    """Return the pins of each of the two files. requirements-dev.txt includes the other one, and adds
    what only development needs, or needs in more environments."""
    chosen = list(groups)
    run = closure(chosen)
    every = closure([*chosen, *development(chosen)])
    more = {name: versions for name, versions in every.items() if run.get(name) != versions}
    return {
        "requirements.txt": list(requirements(run)),
        "requirements-dev.txt": list(requirements(more)),
    }


def seeds(groups: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield the name and version of each entry of a uv.lock that `uv lock` will complete. If a name has
    two pins for different environments, uv chooses its version."""
    chosen = list(groups)
    for name, versions in closure([*chosen, *development(chosen)]).items():
        if len(versions) == 1:
            yield name, next(iter(versions))
