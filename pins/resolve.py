"""Choose the versions: resolve every group of pyproject.toml together and write pins.json.

pins.json holds, and holds no URL of any index:

    requires-python   the oldest Python that the versions were resolved for
    groups            per group: `direct`, as pyproject.toml lists it, and `closure`, a list of
                      [version, marker] for each name, as `uv export --only-group` gives it
    packages          per name and version: the hashes of its files
    imports           the top-level modules of all packages, which no service may be called

Run by `nox -s pins`; arguments are passed on to `uv lock` (`--exclude-newer 2026-01-01`).
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

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

HERE = Path(__file__).parent


def uv(folder: Path, *arguments: str) -> str:
    """Run uv in a folder, with this Python, and return what it prints."""
    program = os.environ.get("UV") or shutil.which("uv") or sys.exit("uv is needed: see README.md")
    environment = {**os.environ, "UV_PYTHON": sys.executable}
    environment.pop("VIRTUAL_ENV", None)
    done = subprocess.run(  # noqa: S603
        [program, *arguments], cwd=folder, env=environment, stdout=subprocess.PIPE, text=True
    )
    if done.returncode:
        sys.exit(done.returncode)
    return done.stdout


def closure(exported: str) -> dict[str, list[tuple[str, str | None, list[str]]]]:
    """Read an export: per name its versions, each with a marker (or none) and its hashes."""
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
    """The names which an environment's packages make importable."""
    (site_packages,) = environment.glob("**/site-packages")
    names = set()
    for distribution in distributions(path=[str(site_packages)]):
        for file in distribution.files or []:
            first = file.parts[0]
            if len(file.parts) > 1 or first.endswith((".py", ".so", ".pyd")):
                names.add(first.split(".")[0])
    return {name for name in names if name.isidentifier() and not name.endswith("__mypyc")}


def resolve(lock_options: list[str]) -> dict[str, object]:
    """All that pins.json holds."""
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
    # Packages for other platforms are not installed here; nearly all are named as they import.
    imports |= {name.replace("-", "_").replace(".", "_") for name in packages}
    return {
        "requires-python": manifest["project"]["requires-python"],
        "groups": groups,
        "packages": dict(sorted(packages.items())),
        "imports": sorted(imports),
    }


if __name__ == "__main__":
    text = json.dumps(resolve(sys.argv[1:]), indent=1) + "\n"
    (HERE / "pins.json").write_text(text, "utf-8", newline="\n")
