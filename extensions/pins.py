"""The pinned versions of a choice: the union of its groups in pins/pins.json.

Also used by `tasks/`, which raise a project's own pins to these.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

PINS = json.loads((Path(__file__).parent.parent / "pins" / "pins.json").read_text("utf-8"))
REQUIRES_PYTHON: str = PINS["requires-python"]

# Per name its versions, each with the marker that says where it is wanted, or none for everywhere.
Closure = dict[str, dict[str, str | None]]


def development(groups: Iterable[str]) -> list[str]:
    """The groups that only development needs: `dev`, and an option's own, such as `postgres-dev`."""
    own = (f"{group}-dev" for group in groups)
    return ["dev", *(group for group in own if group in PINS["groups"])]


def direct(groups: Iterable[str]) -> list[str]:
    """The requirements which the groups name themselves, in their own order."""
    return list(dict.fromkeys(name for group in groups for name in PINS["groups"][group]["direct"]))


def closure(groups: Iterable[str]) -> Closure:
    """All that the groups need. Wanted everywhere by one group is wanted everywhere."""
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
    """The marker that holds where one of these does."""
    known = sorted(marker for marker in markers if marker is not None)
    if len(known) < len(markers):
        return None
    return known[0] if len(known) == 1 else " or ".join(f"({marker})" for marker in known)


def requirements(pins: Closure) -> Iterator[str]:
    """Entries of a requirements.txt, each with its hashes, as `uv pip compile` writes them."""
    for name, versions in pins.items():
        for version, marker in versions.items():
            where = f" ; {marker}" if marker else ""
            hashes = (f"    --hash={value}" for value in PINS["packages"][name][version])
            yield " \\\n".join([f"{name}=={version}{where}", *hashes])


def requirement_files(groups: Iterable[str]) -> dict[str, list[str]]:
    """What each of the two files pins: requirements-dev.txt begins with the other one, and adds
    what only development needs, or needs in more places."""
    chosen = list(groups)
    run = closure(chosen)
    every = closure([*chosen, *development(chosen)])
    more = {name: versions for name, versions in every.items() if run.get(name) != versions}
    return {
        "requirements.txt": list(requirements(run)),
        "requirements-dev.txt": list(requirements(more)),
    }


def seeds(groups: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Name and version of each entry of a uv.lock that `uv lock` is to complete. A name pinned
    twice, by environment, is left to uv."""
    chosen = list(groups)
    for name, versions in closure([*chosen, *development(chosen)]).items():
        if len(versions) == 1:
            yield name, next(iter(versions))
