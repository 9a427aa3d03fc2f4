"""Pins: pins.json agrees with uv, and the locks rendered from it can be installed."""

import itertools
import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.markers import Marker, default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from extensions import pins
from tests.conftest import Render
from tests.support.project import run_uv
from tests.support.selection import frameworks
from tests.support.template import ROOT
from tests.support.variants import choices

GROUPS = sorted(pins.PINS["groups"])
# A union's markers are built pair by pair, so single groups, pairs and the whole set prove every set.
GROUP_SETS = [*itertools.combinations(GROUPS, 1), *itertools.combinations(GROUPS, 2), tuple(GROUPS)]
PLATFORMS = {"linux": ("posix", "Linux"), "darwin": ("posix", "Darwin"), "win32": ("nt", "Windows")}
PYTHONS = ("3.12", "3.13", "3.14", "3.15")
IMPLEMENTATIONS = {"cpython": "CPython", "pypy": "PyPy"}


def environments() -> list[dict[str, str]]:
    """Return the environments in which a service may be installed, as far as markers distinguish them."""
    found = []
    for system, python, implementation in itertools.product(PLATFORMS, PYTHONS, IMPLEMENTATIONS):
        environment = {key: str(value) for key, value in default_environment().items()}
        environment["sys_platform"] = system
        environment["os_name"], environment["platform_system"] = PLATFORMS[system]
        environment["python_version"], environment["python_full_version"] = python, f"{python}.1"
        environment["implementation_name"] = implementation
        environment["platform_python_implementation"] = IMPLEMENTATIONS[implementation]
        found.append(environment)
    return found


def installed(closure: pins.Closure, environment: dict[str, str]) -> set[tuple[str, str]]:
    """Return the packages of a closure that are installed in an environment."""
    return {
        (name, version)
        for name, versions in closure.items()
        for version, marker in versions.items()
        if marker is None or Marker(marker).evaluate(environment)
    }


def closure_of(text: str) -> pins.Closure:
    """Return the pins of a requirements.txt, read independently of the code under test."""
    found: pins.Closure = {}
    for line in text.replace("\\\n", " ").splitlines():
        if "==" in line:
            parsed = Requirement(line.split(" --hash=")[0])
            (specifier,) = parsed.specifier
            marker = str(parsed.marker) if parsed.marker else None
            found.setdefault(canonicalize_name(parsed.name), {})[specifier.version] = marker
    return found


def hashes_of(text: str) -> dict[str, set[str]]:
    """Return the hashes of each name in a requirements.txt."""
    lines = (line.split(" --hash=") for line in text.replace("\\\n", " ").splitlines())
    return {line[0].partition("==")[0]: {value.strip() for value in line[1:]} for line in lines}


@pytest.fixture(scope="module")
def resolved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project with every group, locked by uv at the versions of pins.json."""
    folder = tmp_path_factory.mktemp("pins")
    manifest = (ROOT / "pins" / "pyproject.toml").read_text("utf-8")
    (folder / "pyproject.toml").write_text(manifest, "utf-8")
    seeds = "".join(
        f'\n[[package]]\nname = "{name}"\nversion = "{version}"\nsource = {{ registry = "pins" }}\n'
        for name, versions in pins.PINS["packages"].items()
        for version in versions
    )
    header = f'version = 1\nrequires-python = "{pins.REQUIRES_PYTHON}"\n'
    (folder / "uv.lock").write_text(header + seeds, "utf-8")
    run_uv(folder, "lock", "--quiet", "--python", sys.executable)
    return folder


@pytest.mark.parametrize("groups", GROUP_SETS, ids="-".join)
def test_the_closure_of_groups_is_what_uv_exports_for_them(groups: tuple[str, ...], resolved: Path) -> None:
    ours = pins.closure(groups)
    options = [option for group in groups for option in ("--only-group", group)]
    export = ("export", "--frozen", "--no-annotate", "--no-header", "--no-emit-project")
    text = run_uv(resolved, *export, *options)
    theirs, hashes = closure_of(text), hashes_of(text)
    for environment in environments():
        assert installed(ours, environment) == installed(theirs, environment), environment
    for name, versions in ours.items():
        for version in versions:
            assert set(pins.PINS["packages"][name][version]) == hashes[name]


def test_pins_json_belongs_to_its_manifest() -> None:
    """This fails if someone edits pins/pyproject.toml and forgets `nox -s pins`."""
    manifest = tomllib.loads((ROOT / "pins" / "pyproject.toml").read_text("utf-8"))
    assert pins.PINS["requires-python"] == manifest["project"]["requires-python"]
    direct = {name: group["direct"] for name, group in pins.PINS["groups"].items()}
    assert direct == manifest["dependency-groups"]
    for name, group in pins.PINS["groups"].items():
        named = {canonicalize_name(Requirement(requirement).name) for requirement in direct[name]}
        assert named <= group["closure"].keys()


def test_pins_json_names_no_host() -> None:
    text = (ROOT / "pins" / "pins.json").read_text("utf-8")
    assert "://" not in text
    assert json.loads(text).keys() == {"requires-python", "groups", "packages", "images", "imports"}


def test_pins_json_knows_modules_that_are_not_named_as_their_package() -> None:
    assert {"dotenv", "yaml", "uvicorn", "_pytest"} <= set(pins.PINS["imports"])


def test_the_union_of_markers_holds_where_one_of_them_does() -> None:
    assert pins._either({"a == 'b'", None}) is None
    assert pins._either({"a == 'b'"}) == "a == 'b'"
    assert pins._either({"a == 'b'", "c == 'd'"}) == "(a == 'b') or (c == 'd')"


@pytest.mark.parametrize("framework", choices()["framework"])
def test_uv_has_nothing_to_add_to_an_emitted_lock(framework: str, render: Render) -> None:
    """`uv lock --check` alone is not enough, because it accepts a lock whose packages have no files."""
    project = render({"framework": framework, "package_manager": "uv"})
    run_uv(project, "lock", "--check", "--python", sys.executable)
    text = (project / "uv.lock").read_text("utf-8")
    assert '"pins"' not in text
    packages: list[dict[str, Any]] = tomllib.loads(text)["package"]
    of_the_index = [package for package in packages if "registry" in package["source"]]
    assert len(of_the_index) == len(packages) - 1  # all but the service itself
    for package in of_the_index:
        assert package.get("wheels") or package.get("sdist"), package["name"]
    locked = {(package["name"], package["version"]) for package in of_the_index}
    assert locked <= set(pins.seeds([framework, "sqlalchemy-asyncio", "postgres", "common"]))


@pytest.mark.parametrize("framework", frameworks("django"))
def test_pip_installs_the_emitted_requirements_with_hashes(framework: str, render: Render) -> None:
    project = render({"framework": framework, "package_manager": "pip"})
    pip = ["uv", "run", "--no-project", "--isolated", "--python", sys.executable, "--with", "pip", "pip"]
    file = "requirements-dev.txt"  # it includes requirements.txt; the next test compares both
    install = ["install", "--quiet", "--dry-run", "--require-hashes", "--requirement", file]
    done = subprocess.run([*pip, *install], cwd=project, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("framework", choices()["framework"])
def test_both_package_managers_install_the_same(framework: str, render: Render) -> None:
    locked = render({"framework": framework, "package_manager": "uv"})
    export = ("export", "--frozen", "--no-annotate", "--no-header")
    run_locked = closure_of(run_uv(locked, *export, "--no-dev"))
    all_locked = closure_of(run_uv(locked, *export))

    required = render({"framework": framework, "package_manager": "pip"})
    run = closure_of((required / "requirements.txt").read_text("utf-8"))
    dev_text = (required / "requirements-dev.txt").read_text("utf-8")
    assert "\n-r requirements.txt\n" in dev_text
    dev = closure_of(dev_text)
    for environment in environments():
        assert installed(run, environment) == installed(run_locked, environment)
        both = installed(run, environment) | installed(dev, environment)
        assert both == installed(all_locked, environment)
