"""Edit uv.lock as text: raise entries without a resolver, so that `uv lock` has little left to do.

An entry without files is a seed. uv prefers the seed's version, and completes the entry from the
project's own index. The project's own entry must be removed too. Otherwise uv considers the lock
complete, and installs nothing for the seeds.
"""

import re
import tomllib
from typing import Any

from packaging.version import Version

SEED_SOURCE = 'source = { registry = "pins" }'


def seed(name: str, version: str) -> str:
    """Return an entry that uv will complete."""
    return f'[[package]]\nname = "{name}"\nversion = "{version}"\n{SEED_SOURCE}\n'


def is_complete(lock: str) -> bool:
    """Tell whether uv has completed every seed."""
    return SEED_SOURCE not in lock


def versions(lock: str) -> set[tuple[str, str]]:
    """Return the name and version of each package that comes from an index."""
    packages = tomllib.loads(lock).get("package", [])
    return {(entry["name"], entry["version"]) for entry in packages if "registry" in entry["source"]}


def raised(lock: str, pins: dict[str, str]) -> tuple[list[str], str]:
    """Return the names whose versions are older than their pins, and the lock with seeds in their place.

    The lock also gets a seed for each pin that it lacks; uv drops those that nothing needs. Entries stay
    as they are if a package has two (for different environments) or does not come from an index.
    """
    head, *blocks = re.split(r"(?m)^(?=\[\[package\]\]$)", lock)
    packages: list[dict[str, Any]] = tomllib.loads(lock).get("package", [])
    present: dict[str, list[dict[str, Any]]] = {}
    for package in packages:
        present.setdefault(package["name"], []).append(package)
    absent = [name for name in pins if name not in present]
    older = [name for name, found in present.items() if _is_older(found, pins.get(name))]
    moved = {*absent, *older}
    if not moved:
        return [], lock
    kept = [
        block.rstrip("\n") + "\n"
        for block, package in zip(blocks, packages, strict=True)
        if package["name"] not in moved and not {"virtual", "editable"} & package["source"].keys()
    ]
    new = [seed(name, pins[name]) for name in sorted(moved)]
    return older, "\n".join([head.rstrip("\n") + "\n", *kept, *new])


def _is_older(found: list[dict[str, Any]], pin: str | None) -> bool:
    if pin is None or len(found) != 1 or "registry" not in found[0]["source"]:
        return False
    return Version(found[0]["version"]) < Version(pin)
