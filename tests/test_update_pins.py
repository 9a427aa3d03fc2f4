"""An update raises a release's pins to today's, but respects the user's caps and newer versions."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from packaging.version import Version

from extensions import pins
from tasks import requirements
from tests.support.git import commit_all, git
from tests.support.launched import versions
from tests.support.project import Project, once, render, run_uv, update
from tests.support.template import HEAD, releases, with_releases

HELD = "pydantic"  # a direct dependency of every service
BEHIND = "998.0.0"  # the work tree's state with an older release's pins
GROUPS = ["fastapi", "common", "dev"]


def closure(read: dict[str, Any]) -> dict[str, str]:
    """Return the versions in a pins.json for GROUPS."""
    closures = [read["groups"][group]["closure"].items() for group in GROUPS]
    return {name: found[-1][0] for items in closures for name, found in items}


def pinned(project: Project) -> dict[str, str]:
    """Return the versions in a service's lock."""
    if (project.path / "uv.lock").exists():
        return versions(project.path)
    files = (project.path / name for name in ("requirements.txt", "requirements-dev.txt"))
    lines = [line.split()[0] for file in files for line in file.read_text().splitlines() if "==" in line]
    return dict(line.split("==", 1) for line in lines)


@pytest.fixture(scope="session")
def template(shared: Path) -> Path:
    """Return the template with a tag for each release."""
    return once(shared / "pins-template", with_releases)


@pytest.fixture(scope="session")
def olds(template: Path) -> dict[str, dict[str, str]]:
    """Return the pins of each release, oldest first."""
    read = {version: json.loads(git(template, "show", f"{version}:pins/pins.json")) for version in releases()}
    return {version: closure(found) for version, found in read.items()}


@pytest.mark.parametrize("manager", ["uv", pytest.param("pip", marks=pytest.mark.variants)])
def test_pins_move_within_the_users_caps(
    template: Path, olds: dict[str, dict[str, str]], tmp_path: Path, manager: str
) -> None:
    """From the newest release with other pins: a cap holds, and everything else gets today's pins."""
    today = closure(pins.PINS)
    version = [each for each in olds if olds[each][HELD] != today[HELD]][-1]
    project = Project(tmp_path / "project")
    render(template, project.path, {"package_manager": manager, "database": "none"}, vcs_ref=version)
    manifest = project.path / "pyproject.toml"
    text = manifest.read_text()
    assert text.count(f'  "{HELD}",\n') == 1
    manifest.write_text(text.replace(f'  "{HELD}",\n', f'  "{HELD}<{today[HELD]}",\n'))
    if manager == "uv":
        run_uv(project.path, "lock", "--quiet", "--python", sys.executable)
    before = pinned(project)
    assert before[HELD] == olds[version][HELD]
    commit_all(project.path, "Ours")

    update(project.path, {})
    assert f'"{HELD}<{today[HELD]}"' in manifest.read_text()
    after = pinned(project)
    assert after[HELD] == before[HELD]
    moved = {name for name in after if name in today and after[name] != before.get(name)}
    assert moved, "no pin has moved, so this proves nothing"
    held = {HELD, "pydantic-core"}
    assert {name: after[name] for name in after.keys() & today.keys() - held} == {
        name: today[name] for name in after.keys() & today.keys() - held
    }
    assert not [name for name in before if name in after and Version(after[name]) < Version(before[name])]
    check(project)


@pytest.mark.parametrize("manager", [pytest.param("uv", marks=pytest.mark.variants), "pip"])
def test_a_pin_of_the_users_that_is_newer_stays(
    template: Path, olds: dict[str, dict[str, str]], tmp_path: Path, manager: str
) -> None:
    """The user raised it between two releases. Neither the next one's older pins nor today's lower it."""
    today = closure(pins.PINS)
    first, second = [each for each in olds if olds[each][HELD] != today[HELD]][-2:]
    source = Path(shutil.copytree(template, tmp_path / "template"))
    older = json.loads(git(source, "show", f"{second}:pins/pins.json"))
    older.setdefault("images", pins.PINS["images"])  # today's extension reads this key
    (source / "pins" / "pins.json").write_text(json.dumps(older))
    commit_all(source, "The pins of a release before", tag=BEHIND)
    project = Project(tmp_path / "project")
    render(source, project.path, {"package_manager": manager, "database": "none"}, vcs_ref=first)
    wanted = {name: today[name] for name in (HELD, f"{HELD}-core")}
    if manager == "uv":
        raised = [part for name, version in wanted.items() for part in ("-P", f"{name}=={version}")]
        run_uv(project.path, "lock", "--quiet", "--python", sys.executable, *raised)
    else:
        file = project.path / "requirements.txt"
        entries = list(pins.requirements({name: {version: None} for name, version in wanted.items()}))
        file.write_text(requirements.fitted(file.read_text(), entries))
    before = pinned(project)
    assert wanted.items() <= before.items()
    commit_all(project.path, "Ours")

    for version in (BEHIND, HEAD):
        update(project.path, {}, version)
        assert wanted.items() <= pinned(project).items()
        commit_all(project.path, version)
    after = pinned(project)
    assert {name: after[name] for name in after.keys() & today.keys()} == {
        name: today[name] for name in after.keys() & today.keys()
    }
    check(project)


def check(project: Project) -> None:
    """Assert that the service's own package manager can install its lock."""
    if (project.path / "uv.lock").exists():
        run_uv(project.path, "lock", "--check", "--python", sys.executable)
        return
    pip = ["uv", "run", "--no-project", "--isolated", "--python", sys.executable, "--with", "pip", "pip"]
    install = ["install", "--quiet", "--dry-run", "--require-hashes", "--requirement", "requirements-dev.txt"]
    done = subprocess.run([*pip, *install], cwd=project.path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
