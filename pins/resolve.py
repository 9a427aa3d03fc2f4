"""Choose the versions: resolve all groups of pyproject.toml together, and write pins.json.

pins.json contains no URL of an index. It has these keys:

    requires-python   the oldest Python that the versions were resolved for
    groups            for each group: `direct`, as pyproject.toml lists it, and `closure`, a list of
                      [version, marker] for each name, as `uv export --only-group` gives it
    packages          for each name and version: the hashes of its files
    images            for each image: its digest, or null if its registry has never given one
    imports           the top-level modules of all packages, whose names a service must not have

`nox -s pins` runs this program, which passes its arguments on to `uv lock` (`--exclude-newer 2026-01-01`).
Without arguments, it excludes releases younger than a week, because a malicious release is usually found
within that time.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from importlib.metadata import distributions
from pathlib import Path

import images
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

HERE = Path(__file__).parent
COOLDOWN = ["--exclude-newer", "7 days"]


def uv(folder: Path, *arguments: str) -> str:
    """Run uv in a folder, with this Python, and return what it prints."""
    program = os.environ.get("UV") or shutil.which("uv") or sys.exit("uv is needed: see README.md")
    # nox sets VIRTUAL_ENV to its own environment, and `uv sync` would empty that one.
    environment = {**os.environ, "UV_PYTHON": sys.executable, "UV_PROJECT_ENVIRONMENT": ".venv"}
    environment.pop("VIRTUAL_ENV", None)
    done = subprocess.run(  # noqa: S603
        [program, *arguments], cwd=folder, env=environment, stdout=subprocess.PIPE, text=True
    )
    if done.returncode:
        sys.exit(done.returncode)
    return done.stdout


def closure(exported: str) -> dict[str, list[tuple[str, str | None, list[str]]]]:
    """Read an export: return each name's versions, each with its marker (or None) and its hashes."""
    pins: dict[str, list[tuple[str, str | None, list[str]]]] = {}
    for line in exported.replace("\\\n", " ").splitlines():
        requirement, *hashes = line.split(" --hash=")
        parsed = Requirement(requirement.strip())
        (specifier,) = parsed.specifier
        marker = str(parsed.marker) if parsed.marker else None
        pin = (specifier.version, marker, sorted(text.strip() for text in hashes))
        pins.setdefault(canonicalize_name(parsed.name), []).append(pin)
    return pins


def top_levels(environment: Path) -> set[str]:
    """Return the names that an environment's packages make importable."""
    (site_packages,) = environment.glob("**/site-packages")
    names = set()
    for distribution in distributions(path=[str(site_packages)]):
        for file in distribution.files or []:
            first = file.parts[0]
            if len(file.parts) > 1 or first.endswith((".py", ".so", ".pyd")):
                names.add(first.split(".")[0])
    return {name for name in names if name.isidentifier() and not name.endswith("__mypyc")}


def resolve(lock_options: list[str], former: dict[str, str | None]) -> dict[str, object]:
    """Return the content of pins.json. `former` holds the digests that it had before."""
    manifest = tomllib.loads((HERE / "pyproject.toml").read_text("utf-8"))
    groups: dict[str, object] = {}
    packages: dict[str, dict[str, list[str]]] = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        shutil.copy(HERE / "pyproject.toml", folder)
        uv(folder, "lock", *lock_options)
        for group, direct in manifest["dependency-groups"].items():
            options = ("--frozen", "--no-annotate", "--no-header", "--no-emit-project")
            pins = closure(uv(folder, "export", "--only-group", group, *options))
            groups[group] = {
                "direct": direct,
                "closure": {name: [pin[:2] for pin in found] for name, found in pins.items()},
            }
            for name, found in pins.items():
                for version, _, hashes in found:
                    packages.setdefault(name, {})[version] = hashes
        uv(folder, "sync", "--frozen", "--all-groups", "--no-install-project", "--quiet")
        imports = top_levels(folder / ".venv")
    # Packages for other operating systems are not installed here. Nearly all have the name of their module.
    imports |= {name.replace("-", "_").replace(".", "_") for name in packages}
    return {
        "requires-python": manifest["project"]["requires-python"],
        "groups": groups,
        "packages": dict(sorted(packages.items())),
        "images": images.digests(manifest["tool"]["slipway"]["images"], former),
        "imports": sorted(imports),
    }


if __name__ == "__main__":
    place = HERE / "pins.json"
    pins = resolve(sys.argv[1:] or COOLDOWN, json.loads(place.read_text("utf-8"))["images"])
    place.write_text(json.dumps(pins, indent=1) + "\n", "utf-8", newline="\n")
