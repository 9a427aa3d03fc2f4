"""The tasks that copier runs in a project raise its lock to the pins, and break nothing."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.version import Version

from extensions import pins
from tests.support.launched import (
    BEHIND,
    GROUPS,
    KEPT,
    LOWERED,
    OLD,
    Launched,
    lines_of,
    lock,
    offline,
    run_copier,
    versions,
    without_uv,
)
from tests.support.project import run_uv
from tests.support.template import ROOT


@pytest.mark.parametrize("missing", ["network", "uv"])
def test_a_copy_succeeds_without_uv_and_offline(missing: str, template: Path, tmp_path: Path) -> None:
    """One line tells the user, and the next `uv sync` installs the pinned versions."""
    project = tmp_path / "orders"
    variables = without_uv(tmp_path) if missing == "uv" else offline(tmp_path)
    printed = run_copier("copy", str(template), str(project), **variables)
    (line,) = lines_of(printed, "uv.lock has the pins but not yet the files")
    assert line.endswith("`uv sync` completes it.")
    assert "Traceback" not in printed

    run_uv(project, "sync", "--quiet", "--python", sys.executable)
    assert versions(project).items() <= dict(pins.seeds(GROUPS)).items()
    run_uv(project, "lock", "--check", "--python", sys.executable)


@pytest.fixture
def with_uv(template: Path, shared: Path, tmp_path: Path) -> Launched:
    return Launched(template, shared, tmp_path, "uv")


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


@pytest.mark.parametrize("missing", ["network", pytest.param("uv", marks=pytest.mark.variants)])
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

    lock(with_uv.path)  # `uv sync` begins with this
    after = versions(with_uv.path)
    assert after == {**before, LOWERED: dict(pins.seeds(GROUPS))[LOWERED]}


def test_a_cache_that_lacks_a_pin_does_not_decide(with_uv: Launched, tmp_path: Path) -> None:
    """uv first runs offline, which is fast. But offline it uses the versions in its cache, pinned or not."""
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


@pytest.mark.parametrize("missing", ["nothing", pytest.param("network", marks=pytest.mark.variants), "uv"])
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
    """Otherwise copier would delete a new project, or stop halfway through an update."""
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
