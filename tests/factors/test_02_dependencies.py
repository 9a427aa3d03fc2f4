"""II. Dependencies: declared, pinned with hashes, and isolated (C-23).

That `web` runs on these alone is shown by every test: `start` gives it an environment with what
production installs, and a PATH with nothing else on it.
"""

import json
import re
import subprocess
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.conftest import Render, starting
from tests.support import variants
from tests.support.client import status
from tests.support.project import LOCKS, Project, environment, run_uv

MANAGERS = pytest.mark.parametrize("managed", variants.choices()["package_manager"], indirect=True)


@pytest.fixture
def managed(request: pytest.FixtureRequest, render: Render, pristine: Project) -> Project:
    """Return the variant as another package manager has it."""
    same = {name: pristine.answers()[name] for name in variants.BOOTED}
    return Project(render({**same, "package_manager": request.param}))


@MANAGERS
def test_exactly_one_package_manager_has_its_files(managed: Project) -> None:
    """C-23: platforms refuse a project with several."""
    locks = [name for name in LOCKS if (managed.path / name).exists()]
    uses_uv = managed.answers()["package_manager"] == "uv"
    assert locks == (["uv.lock"] if uses_uv else ["requirements.txt", "requirements-dev.txt"])


def test_uv_lock_fits_the_manifest(pristine: Project) -> None:
    """C-23."""
    run_uv(pristine.path, "lock", "--check")


def test_uv_lock_pins_every_package_with_hashes(pristine: Project) -> None:
    """C-23."""
    lock = tomllib.loads((pristine.path / "uv.lock").read_text())
    packages = [package for package in lock["package"] if "virtual" not in package["source"]]
    assert len(packages) > 10
    for package in packages:
        files = [*package.get("wheels", []), *([package["sdist"]] if "sdist" in package else [])]
        assert files, package["name"]
        assert all(file["hash"].startswith("sha256:") for file in files)


def test_a_second_sync_changes_nothing(pristine: Project, development: Path) -> None:
    """C-23: the environment is what the lock says."""
    run_uv(pristine.path, "sync", "--locked", "--check", UV_PROJECT_ENVIRONMENT=str(development))


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_requirements_pin_every_package_with_hashes(render: Render, name: str) -> None:
    """C-23."""
    text = (render({"package_manager": "pip"}) / name).read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith(("#", "-r", "-c"))]
    assert lines
    for line in lines:
        assert re.fullmatch(r"\S+==\S+( ; .+?)?(\s+--hash=sha256:[0-9a-f]{64})+", line.strip()), line


@MANAGERS
def test_what_each_package_manager_installs_serves(
    managed: Project, shared: Path, attached: Mapping[str, str]
) -> None:
    """C-23."""
    with starting(managed, environment(shared, managed, dev=False), attached) as start:
        assert status(start().port, "/") == 200


@MANAGERS
def test_production_installs_no_development_tools(managed: Project, shared: Path) -> None:
    """C-23: and what it installs is what the manifest names, and what that needs."""
    production = environment(shared, managed, dev=False)
    listed = json.loads(run_uv(managed.path, "pip", "list", "--format=json", "--python", str(production)))
    installed = {package["name"] for package in listed}
    manifest = tomllib.loads((managed.path / "pyproject.toml").read_text())
    declared = {re.split(r"[\[=<>;~ ]", name)[0] for name in manifest["project"]["dependencies"]}
    assert declared <= installed
    assert not installed & {"ruff", "mypy", "pytest", "deptry", "honcho", "questionary"}


@MANAGERS
def test_the_versions_of_both_are_the_same(managed: Project, shared: Path, production: Path) -> None:
    """C-23: the pins do not depend on who installs them."""
    frozen = [
        run_uv(managed.path, "pip", "freeze", "--python", str(place))
        for place in (production, environment(shared, managed, dev=False))
    ]
    assert frozen[0] == frozen[1]


@pytest.mark.parametrize("version", variants.choices()["python_version"])
def test_every_file_names_the_same_python(render: Render, version: str) -> None:
    """C-23: and the manifest allows it."""
    project = render({"python_version": version}, skip_tasks=True)
    assert (project / ".python-version").read_text().strip() == version
    manifest = tomllib.loads((project / "pyproject.toml").read_text())
    allowed = re.fullmatch(r">=(3\.\d+)", manifest["project"]["requires-python"])
    assert allowed
    assert int(allowed[1].split(".")[1]) <= int(version.split(".")[1])


def test_no_system_tool_is_called(probed: Project) -> None:
    """C-23: nothing in the package starts a program."""
    for file in probed.package.rglob("*.py"):
        assert not re.search(
            r"^\s*(import|from) subprocess|os\.system|os\.popen", file.read_text(), re.MULTILINE
        )


def test_deptry_would_tell(copied: Project, development: Path) -> None:
    """C-25: a check that passes on anything proves nothing."""
    copied.append("routes.py", "\nimport numpy\n")
    done = subprocess.run(
        [str(development / "bin" / "deptry"), "."], cwd=copied.path, capture_output=True, text=True
    )
    assert done.returncode != 0
    assert "numpy" in done.stdout + done.stderr
