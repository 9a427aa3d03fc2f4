"""Tasks: what copier runs in a project brings its lock to the pins, and breaks nothing on the way."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.version import Version

from extensions import pins
from tasks import piplock, uvlock
from tests.support.git import commit_all, git
from tests.support.project import render, run_uv
from tests.support.template import ROOT

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


@pytest.mark.parametrize("missing", ["network", "uv"])
def test_a_copy_succeeds_without_uv_and_offline(missing: str, template: Path, tmp_path: Path) -> None:
    """It says so in one line, and the next `uv sync` arrives at the pins."""
    project = tmp_path / "orders"
    variables = without_uv(tmp_path) if missing == "uv" else offline(tmp_path)
    printed = run_copier("copy", str(template), str(project), **variables)
    (line,) = lines_of(printed, "uv.lock has the pins but not yet the files")
    assert line.endswith("`uv sync` completes it.")
    assert "Traceback" not in printed

    run_uv(project, "sync", "--quiet", "--python", sys.executable)
    assert versions(project).items() <= dict(pins.seeds(GROUPS)).items()
    run_uv(project, "lock", "--check", "--python", sys.executable)


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


@pytest.fixture
def with_uv(template: Path, tmp_path: Path) -> Launched:
    return Launched(template, tmp_path, "uv")


@pytest.fixture
def with_pip(template: Path, tmp_path: Path) -> Launched:
    return Launched(template, tmp_path, "pip")


def lock(project: Path, *options: str) -> None:
    run_uv(project, "lock", "--quiet", "--python", sys.executable, *options)


def test_an_update_raises_what_is_older_and_keeps_the_rest(with_uv: Launched) -> None:
    with_uv.add("rich<14")
    lock(with_uv.path, "--upgrade-package", f"{LOWERED}=={OLD}", "--upgrade-package", "rich==13.9.3")
    before = versions(with_uv.path)
    assert (before[LOWERED], before["rich"]) == (OLD, "13.9.3")
    assert Version(before[KEPT]) > Version(BEHIND)
    with_uv.commit()
    with_uv.release(lowered_pin=True, new_dependency="wcwidth")

    printed = with_uv.update()
    assert lines_of(printed, "Raised in uv.lock") == [f"Raised in uv.lock: {LOWERED}."]
    after = versions(with_uv.path)
    assert after[LOWERED] == dict(pins.seeds(GROUPS))[LOWERED]
    assert {**before, LOWERED: ""} == {**after, LOWERED: ""}
    dependencies = tomllib.loads(with_uv.file("pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    assert dependencies[-2:] == ["wcwidth", "rich<14"]
    run_uv(with_uv.path, "lock", "--check", "--python", sys.executable)


@pytest.mark.parametrize("missing", ["network", "uv"])
def test_an_update_without_uv_or_offline_is_completed_by_the_next_sync(
    missing: str, with_uv: Launched, tmp_path: Path
) -> None:
    lock(with_uv.path, "--upgrade-package", f"{LOWERED}=={OLD}")
    before = versions(with_uv.path)
    with_uv.commit()
    with_uv.release()
    variables = without_uv(tmp_path) if missing == "uv" else offline(tmp_path)
    printed = with_uv.update(**variables)
    assert len(lines_of(printed, "uv.lock has the pins but not yet the files")) == 1
    assert "Traceback" not in printed

    lock(with_uv.path)  # what `uv sync` begins with
    after = versions(with_uv.path)
    assert after == {**before, LOWERED: dict(pins.seeds(GROUPS))[LOWERED]}


def test_a_cache_that_lacks_a_pin_does_not_decide(with_uv: Launched, tmp_path: Path) -> None:
    """uv is asked offline first, which is fast; there it takes what it knows, pinned or not."""
    stub = tmp_path / "uv"
    real = shutil.which("uv")
    stale = f'[ "$2" = --offline ] && exec {real} lock --upgrade-package {LOWERED}=={OLD}'
    stub.write_text(f'#!/bin/sh\n{stale}\nexec {real} "$@"\n')
    stub.chmod(0o755)
    lock(with_uv.path, "--upgrade-package", f"{LOWERED}=={OLD}")
    with_uv.commit()
    with_uv.release()
    with_uv.update(UV=str(stub))
    assert versions(with_uv.path)[LOWERED] == dict(pins.seeds(GROUPS))[LOWERED]


@pytest.mark.parametrize("missing", ["nothing", "network", "uv"])
def test_a_lock_is_left_alone_when_nothing_moves(missing: str, with_uv: Launched, tmp_path: Path) -> None:
    before = with_uv.file("uv.lock").read_bytes()
    with_uv.commit()
    with_uv.release()
    variables = {"nothing": {}, "uv": without_uv(tmp_path), "network": offline(tmp_path)}[missing]
    printed = with_uv.update(**variables)
    assert with_uv.file("uv.lock").read_bytes() == before
    assert lines_of(printed, "uv.lock") == []


def test_a_dependency_that_the_user_removed_stays_away(with_uv: Launched, tmp_path: Path) -> None:
    manifest = with_uv.file("pyproject.toml")
    manifest.write_text(manifest.read_text("utf-8").replace('  "honcho",\n', ""), "utf-8")
    lock(with_uv.path)
    before = with_uv.file("uv.lock").read_bytes()
    assert "honcho" not in versions(with_uv.path)
    with_uv.commit()
    with_uv.release()
    with_uv.update(**offline(tmp_path))
    assert with_uv.file("uv.lock").read_bytes() == before


def test_a_lock_that_is_gone_comes_back(with_uv: Launched) -> None:
    with_uv.file("uv.lock").unlink()
    with_uv.commit()
    with_uv.release()
    with_uv.update()
    assert versions(with_uv.path).items() <= dict(pins.seeds(GROUPS)).items()


def test_another_package_manager_swaps_the_locks(with_uv: Launched) -> None:
    with_uv.commit()
    with_uv.release()
    with_uv.update("--data", "package_manager=pip")
    assert not with_uv.file("uv.lock").exists()
    assert f"{LOWERED}==" in with_uv.file("requirements.txt").read_text("utf-8")
    assert "-r requirements.txt" in with_uv.file("requirements-dev.txt").read_text("utf-8")
    assert "[tool.uv]" not in with_uv.file("pyproject.toml").read_text("utf-8")

    with_uv.commit()
    with_uv.update("--data", "package_manager=uv")
    assert versions(with_uv.path)
    assert not list(with_uv.path.glob("requirements*"))


def test_another_package_manager_keeps_what_is_the_users_own(with_uv: Launched) -> None:
    """There and back: their dependencies, and the versions that they hold them at."""
    with_uv.add("rich<14")
    with_uv.add("iniconfig", development=True)
    lock(with_uv.path, "--upgrade-package", "rich==13.9.3")
    before = versions(with_uv.path)
    with_uv.commit()
    with_uv.release()
    with_uv.update("--data", "package_manager=pip")
    assert check_fit(with_uv.path) == before
    with_uv.commit()
    with_uv.update("--data", "package_manager=uv")
    assert versions(with_uv.path) == before


def test_another_package_manager_names_what_only_the_requirements_have(with_pip: Launched) -> None:
    with with_pip.file("requirements.txt").open("a") as lines:
        lines.write(f"rich==13.9.3 \\\n    --hash=sha256:{'0' * 64}\n")
    with_pip.commit()
    with_pip.release()
    printed = with_pip.update("--data", "package_manager=uv")
    (line,) = lines_of(printed, "requirements.txt had")
    assert "`uv add rich==13.9.3`" in line


def test_requirements_fit_the_manifest_after_an_update(with_pip: Launched) -> None:
    """With caps of the user's, a package that they removed, and one that they added by the documented way."""
    manifest = with_pip.file("pyproject.toml")
    manifest.write_text(manifest.read_text("utf-8").replace('  "honcho",\n', ""), "utf-8")
    with_pip.add(f"{LOWERED}<={OLD}")
    with_pip.add("rich<14")
    add_as_documented(with_pip.path)
    before = check_fit(with_pip.path)
    assert (before[LOWERED], "honcho" in before) == (OLD, False)
    with_pip.commit()
    with_pip.release(new_dependency="wcwidth")
    with_pip.update()
    assert check_fit(with_pip.path) == before | {"wcwidth": pinned_everywhere("wcwidth")}


def test_requirements_without_a_resolver_take_the_pins_and_say_what_they_lack(
    with_pip: Launched, tmp_path: Path
) -> None:
    manifest = with_pip.file("pyproject.toml")
    manifest.write_text(manifest.read_text("utf-8").replace('  "honcho",\n', ""), "utf-8")
    honcho = r"honcho==.*\n(    --hash.*\n)+"
    file = with_pip.file("requirements-dev.txt")
    file.write_text(re.sub(honcho, "", file.read_text("utf-8")), "utf-8")
    with_pip.add("rich<14")
    with_pip.commit()
    with_pip.release(new_dependency="wcwidth")
    printed = with_pip.update(**without_uv(tmp_path))
    (line,) = lines_of(printed, "The requirements lack")
    assert line.startswith("The requirements lack rich,")
    assert "wcwidth==" in with_pip.file("requirements.txt").read_text("utf-8")
    assert "honcho" not in file.read_text("utf-8")


def add_as_documented(project: Path) -> None:
    """Run the commands of README.md that compile the requirements, with the uv that is here."""
    section = with_section(project, "Add a dependency")
    commands = [line for line in section.splitlines() if line.startswith(".venv/bin/uv ")]
    assert len(commands) == 2
    for command in commands:
        run_uv(project, *command.split()[1:], UV_PYTHON=sys.executable)


def with_section(project: Path, title: str) -> str:
    """Return a section of README.md."""
    return (project / "README.md").read_text("utf-8").partition(f"## {title}\n")[2].partition("\n## ")[0]


def check_fit(project: Path) -> dict[str, str]:
    """Return what the manifest needs and the files pin, which uv takes with its hashes."""
    files = [project / name for name in ("requirements.txt", "requirements-dev.txt")]
    found = piplock.versions(*(file.read_text("utf-8") for file in files))
    options = ("--quiet", "--universal", "--no-header", "--no-annotate", "--python", sys.executable)
    constraints = [word for file in files for word in ("--constraint", str(file))]
    printed = run_uv(project, "pip", "compile", *options, "--group", "dev", *constraints, "pyproject.toml")
    assert found.items() >= piplock.versions(printed).items()
    target = ("--target", str(project.parent / "nowhere"), "--python", sys.executable)
    run_uv(project, "pip", "install", "--dry-run", "--require-hashes", "-r", str(files[1]), *target)
    return {name: version for name, version in found.items() if name in piplock.versions(printed)}


def pinned_everywhere(name: str) -> str:
    """Return the version of a package that any group pins."""
    (version,) = pins.PINS["packages"][name]
    return str(version)


def test_requirements_are_raised_and_the_users_own_stay(with_pip: Launched) -> None:
    """As `uv pip compile` or pip-tools would have written them: with comments, with more packages."""
    before = {}
    for name, addition in (("requirements.txt", "rich==13.9.3"), ("requirements-dev.txt", "pdbpp==0.10.3")):
        file = with_pip.file(name)
        text = before[name] = file.read_text("utf-8")
        text = text.replace(f"\n{LOWERED}=={pinned(LOWERED)} \\", f"\n{LOWERED}=={OLD} \\")
        file.write_text(f"{text}{addition} \\\n    --hash=sha256:{'0' * 64}\n    # via orders\n", "utf-8")
    with_pip.commit()
    with_pip.release(lowered_pin=True)
    with_pip.update()
    for name, addition in (("requirements.txt", "rich==13.9.3"), ("requirements-dev.txt", "pdbpp==0.10.3")):
        assert with_pip.file(name).read_text("utf-8") == (
            f"{before[name]}{addition} \\\n    --hash=sha256:{'0' * 64}\n    # via orders\n"
        )


def pinned(name: str) -> str:
    return dict(pins.seeds(GROUPS))[name]


@pytest.mark.parametrize(
    ("package_manager", "file", "text"),
    [
        ("uv", "uv.lock", "<<<<<<< before updating\n"),
        ("uv", "pyproject.toml", "<<<<<<< before updating\n"),
        ("pip", "requirements.txt", None),
    ],
)
def test_what_cannot_be_read_is_one_line_and_status_0(
    package_manager: str, file: str, text: str | None, tmp_path: Path
) -> None:
    """Anything else would make copier delete a new project, or stop halfway through an update."""
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "x"\nversion = "0"\nrequires-python = ">=3.12"\n'
    )
    (tmp_path / "uv.lock").write_text('version = 1\nrequires-python = ">=3.12"\n')
    if text:
        (tmp_path / file).write_text(text)
    script = [sys.executable, str(ROOT / "tasks" / "pin.py"), package_manager, ",".join(GROUPS)]
    done = subprocess.run(script, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert not list(tmp_path.glob("*.new"))
