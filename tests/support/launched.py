"""A service and two releases of its template, for the tests of `tasks/`."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

from extensions import pins
from tasks import uvlock

from .git import commit_all, git
from .project import once, render, run_uv

# The groups of the default answers.
GROUPS = ["fastapi", "sqlalchemy-asyncio", "postgres", "common"]
MARKERS = ("<<<<<<<", ">>>>>>>", "|||||||")
# A package and a version older than its pin, and a package and a version to which 2.0.0 can lower its pin.
LOWERED, OLD = "idna", "3.10"
KEPT, BEHIND = "certifi", "2025.1.31"


def run_copier(command: str, *arguments: str, **variables: str) -> str:
    """Run copier as a user does, and return everything that it prints."""
    done = subprocess.run(
        [sys.executable, "-m", "copier", command, "--trust", "--defaults", *arguments],
        env=os.environ | variables,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def offline(tmp_path: Path) -> dict[str, str]:
    """Return the variables that give uv no network and an empty cache."""
    return {"UV_OFFLINE": "1", "UV_CACHE_DIR": str(tmp_path / "empty-cache")}


def without_uv(tmp_path: Path) -> dict[str, str]:
    """Return a PATH with all programs of this one except uv."""
    folders = []
    for index, folder in enumerate(map(Path, os.environ["PATH"].split(os.pathsep))):
        if (folder / "uv").exists():
            programs = [program for program in folder.iterdir() if program.name not in ("uv", "uvx")]
            folder = tmp_path / f"bin{index}"
            folder.mkdir()
            for program in programs:
                (folder / program.name).symlink_to(program)
        folders.append(str(folder))
    path = os.pathsep.join(folders)
    assert not shutil.which("uv", path=path)
    return {"PATH": path, "UV": ""}


def versions(project: Path) -> dict[str, str]:
    """Return the versions in uv.lock. Assert that it is complete: each package has files."""
    text = (project / "uv.lock").read_text("utf-8")
    assert uvlock.is_complete(text)
    packages: list[dict[str, Any]] = tomllib.loads(text)["package"]
    registry = [package for package in packages if "registry" in package["source"]]
    assert all(package.get("wheels") or package.get("sdist") for package in registry)
    return {package["name"]: package["version"] for package in registry}


def lines_of(printed: str, word: str) -> list[str]:
    """Return the printed lines that contain a word."""
    return [line for line in printed.splitlines() if word in line and "Running task" not in line]


class Launched:
    """A service of release 1.0.0, and a repository of the template in which a test makes release 2.0.0."""

    def __init__(self, template: Path, shared: Path, folder: Path, package_manager: str) -> None:
        def launch(to: Path) -> None:
            shutil.copytree(template, to / "template")
            git(to / "template", "tag", "--delete", "999.0.0")
            git(to / "template", "tag", "1.0.0")
            render(to / "template", to / "orders", {"package_manager": package_manager})

        first = once(shared / f"launched-{package_manager}", launch)
        self.template, self.path = folder / "template", folder / "orders"
        for path in (self.template, self.path):
            shutil.copytree(first / path.name, path)
        answers = self.file(".copier-answers.yml")
        answers.write_text(answers.read_text().replace(str(first), str(folder)))

    def file(self, name: str) -> Path:
        return self.path / name

    def commit(self) -> None:
        commit_all(self.path, "Work")

    def release(self, *, lowered_pin: bool = False, new_dependency: str = "") -> None:
        """Release 2.0.0, with a line in .gitignore that 1.0.0 lacks, and optionally with other pins."""
        ignored = self.template / "template" / ".gitignore.jinja"
        ignored.write_text(ignored.read_text() + "\n# New\n.new/\n")
        file = self.template / "pins" / "pins.json"
        data = json.loads(file.read_text("utf-8"))
        if lowered_pin:
            (hashes,) = data["packages"][KEPT].values()
            data["packages"][KEPT] = {BEHIND: hashes}
            for group in data["groups"].values():
                if KEPT in group["closure"]:
                    group["closure"][KEPT] = [[BEHIND, None]]
        if new_dependency:
            (version,) = data["packages"][new_dependency]
            data["groups"]["common"]["direct"].append(new_dependency)
            data["groups"]["common"]["closure"][new_dependency] = [[version, None]]
        file.write_text(json.dumps(data), "utf-8")
        commit_all(self.template, "Two", tag="2.0.0")

    def update(self, *arguments: str, **variables: str) -> str:
        """Update the service, and assert that there is no conflict."""
        printed = run_copier("update", str(self.path), *arguments, **variables)
        status = git(self.path, "status", "--porcelain")
        assert not [line for line in status.splitlines() if line.startswith(("UU", "AA"))]
        for path in self.path.iterdir():
            if path.is_file():
                assert not any(marker in path.read_text("utf-8") for marker in MARKERS), path
        return printed

    def add(self, requirement: str, *, development: bool = False) -> None:
        """Add a dependency at the place that the manifest names for it."""
        manifest = self.file("pyproject.toml")
        which = "Your own go" if development else "Your own dependencies go"
        marker = f"# {which} below this line.\n"
        text = manifest.read_text("utf-8")
        assert marker in text
        manifest.write_text(text.replace(marker, f'{marker}  "{requirement}",\n'), "utf-8")


def lock(project: Path, *options: str) -> None:
    run_uv(project, "lock", "--quiet", "--python", sys.executable, *options)


def pinned(name: str) -> str:
    return dict(pins.seeds(GROUPS))[name]
