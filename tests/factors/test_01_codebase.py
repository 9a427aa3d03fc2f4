"""I. Codebase: one codebase, clean as emitted (C-25), that runs in every deploy."""

import subprocess
from pathlib import Path

import pytest

from tests.support.git import commit_all, git
from tests.support.project import Project

CHECKS = {
    "format": ["ruff", "format", "--check"],
    "lint": ["ruff", "check"],
    "types": ["mypy", "."],
    "dependencies": ["deptry", "."],
    "tests": ["pytest", "-q", "-p", "no:cacheprovider"],
}


@pytest.mark.timeout(600)  # tests/contract among its tests
@pytest.mark.parametrize("check", CHECKS)
def test_it_is_clean_as_emitted(copied: Project, development: Path, check: str) -> None:
    """C-25: its own formatter, linter, type checker and tests pass, with nothing edited."""
    [tool, *arguments] = CHECKS[check]
    done = subprocess.run(
        [str(development / "bin" / tool), *arguments],
        cwd=copied.path,
        env={"PATH": f"{development / 'bin'}:/usr/bin:/bin:/usr/sbin"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_is_one_app(pristine: Project) -> None:
    """One manifest, one package with an entry."""
    assert [path.parent for path in pristine.path.rglob("pyproject.toml")] == [pristine.path]
    entries = [path.parent.name for path in pristine.path.glob("*/__main__.py")]
    assert sorted(entries) == sorted([pristine.name, "dev"])


def test_no_file_is_named_after_a_deploy(pristine: Project) -> None:
    """C-5: the same commit runs everywhere."""
    names = {path.stem.lower() for path in pristine.path.rglob("*")}
    assert not names & {
        "production",
        "prod",
        "staging",
        "development",
        "local",
        ".env.production",
        ".env.local",
    }


def test_git_takes_no_secret_and_nothing_generated(copied: Project) -> None:
    """C-5: after a day's work, all that was emitted is tracked and nothing else."""
    emitted = {str(path.relative_to(copied.path)) for path in copied.path.rglob("*") if path.is_file()}
    generated = (".env", ".venv/bin/python", ".mypy_cache/x", ".ruff_cache/x", ".pytest_cache/x")
    for name in (*generated, f"{copied.name}/__pycache__/app.pyc"):
        (copied.path / name).parent.mkdir(parents=True, exist_ok=True)
        (copied.path / name).write_text("generated")
    commit_all(copied.path, "Launch")
    assert set(git(copied.path, "ls-files").splitlines()) == emitted


def test_one_command_runs_every_check(copied: Project, development: Path) -> None:
    """C-25: it goes on after a check that fails, says which one did, and fails."""
    copied.append("routes.py", "\nimport os\n")
    code = (
        "import sys\nfrom dev import check\ncheck.CHECKS = ('ruff check', 'deptry .')\nsys.exit(check.run())"
    )
    done = subprocess.run(
        [str(development / "bin" / "python"), "-c", code], cwd=copied.path, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "-- deptry ." in done.stdout
    assert done.stdout.endswith("-- failed: ruff check\n")
