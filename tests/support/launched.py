"""A service and its template over two releases, as the tests of `tasks/` need them."""

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
from .project import render, run_uv

# What the default answers bring.
GROUPS = ["fastapi", "sqlalchemy-asyncio", "postgres", "common"]
MARKERS = ("<<<<<<<", ">>>>>>>", "|||||||")
# Older and newer than the pins of the template that a project is updated to.
LOWERED, OLD = "idna", "3.10"
KEPT, BEHIND = "certifi", "2025.1.31"


def run_copier(command: str, *arguments: str, **variables: str) -> str:
    """Run copier as a user does, and return all that it prints."""
    done = subprocess.run(
        [sys.executable, "-m", "copier", command, "--trust", "--defaults", *arguments],
        env=os.environ | variables,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def offline(tmp_path: Path) -> dict[str, str]:
    """What makes uv a program without a network and without a past."""
    return {"UV_OFFLINE": "1", "UV_CACHE_DIR": str(tmp_path / "empty-cache")}


def without_uv(tmp_path: Path) -> dict[str, str]:
    """A PATH with all that this one has, but uv."""
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
    """What a completed uv.lock locks; it is completed, so each package has files."""
    text = (project / "uv.lock").read_text("utf-8")
    assert uvlock.is_complete(text)
    packages: list[dict[str, Any]] = tomllib.loads(text)["package"]
    registry = [package for package in packages if "registry" in package["source"]]
    assert all(package.get("wheels") or package.get("sdist") for package in registry)
    return {package["name"]: package["version"] for package in registry}


def lines_of(printed: str, word: str) -> list[str]:
    """The lines in which something is said."""
    return [line for line in printed.splitlines() if word in line and "Running task" not in line]


class Launched:
    """A service of release 1.0.0, and the template that release 2.0.0 is made in."""

    def __init__(self, template: Path, folder: Path, package_manager: str) -> None:
        self.template, self.path = folder / "template", folder / "orders"
        shutil.copytree(template, self.template)
        git(self.template, "tag", "--delete", "999.0.0")
        git(self.template, "tag", "1.0.0")
        render(self.template, self.path, {"package_manager": package_manager})

    def file(self, name: str) -> Path:
        return self.path / name

    def commit(self) -> None:
        commit_all(self.path, "Work")

    def release(self, *, lowered_pin: bool = False, new_dependency: str = "") -> None:
        """Release 2.0.0, with a line in .gitignore that 1.0.0 had not, and maybe with other pins."""
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
        """Update, and see that it left no conflict behind."""
        printed = run_copier("update", str(self.path), *arguments, **variables)
        status = git(self.path, "status", "--porcelain")
        assert not [line for line in status.splitlines() if line.startswith(("UU", "AA"))]
        for path in self.path.iterdir():
            if path.is_file():
                assert not any(marker in path.read_text("utf-8") for marker in MARKERS), path
        return printed

    def add(self, requirement: str, *, development: bool = False) -> None:
        """Add a dependency where the manifest says that one should."""
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
