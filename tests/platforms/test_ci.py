"""The service's own CI runs what the README says, may do little, and never commits a conflict."""

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import Render
from tests.support.git import commit_all, git
from tests.support.project import Project

from .conftest import SHAPES

CHECKS = ("ruff format --check", "ruff check", "mypy .", "deptry .", "pytest")
USES = re.compile(r"^ *- uses: [\w.-]+/[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")
# What stands between the workflow and the world: no template to update from, nobody to open a request at.
STUBS = {
    "uvx": "exit 0",
    "copier": "exit 0",
    "pip": "exit 0",
    "gh": 'echo "gh $*" >> "$CALLS"; [ "$1 $2" != "pr view" ]',
}


@pytest.fixture(params=SHAPES, ids=lambda shape: shape["ci"])
def project(request: pytest.FixtureRequest, render: Render) -> Project:
    """Return a project with either CI."""
    return Project(render(request.param, skip_tasks=True))


def github(project: Project, name: str) -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load(
        (project.path / ".github" / "workflows" / f"{name}.yml").read_text()
    )
    return read


def scripts(project: Project, job: str) -> list[str]:
    """Return what a job runs, a step at a time; of GitLab's all lines are one."""
    if (project.path / ".gitlab-ci.yml").exists():
        return ["\n".join(yaml.safe_load((project.path / ".gitlab-ci.yml").read_text())[job]["script"])]
    workflow = github(project, "update" if job == "update" else "ci")
    return [step["run"] for step in workflow["jobs"][job]["steps"] if "run" in step]


def test_it_runs_all_that_the_readme_says(project: Project) -> None:
    run = "\n".join(scripts(project, "test"))
    assert all(check in run for check in CHECKS)
    assert "uv sync --locked" in run or "pip install --require-hashes" in run
    [*_, audit] = scripts(project, "audit")
    assert "audit" in audit


def test_github_may_do_little(render: Render) -> None:
    """Every action by its commit, no permission but for the one job that writes, and an end in sight."""
    project = Project(render(next(shape for shape in SHAPES if shape["ci"] == "github"), skip_tasks=True))
    for name in ("ci", "update"):
        text = (project.path / ".github" / "workflows" / f"{name}.yml").read_text()
        assert all(USES.match(line) for line in text.splitlines() if "uses:" in line)
        assert all("timeout-minutes" in job for job in github(project, name)["jobs"].values())
    assert github(project, "ci")["permissions"] == {"contents": "read"}
    assert github(project, "update")["permissions"] == {}
    assert not USES.match("      - uses: actions/checkout@v7 # v7.0.1")


type Update = Callable[[], tuple[int, str, str]]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Return a clone whose origin is beside it."""
    work = tmp_path / "work"
    work.mkdir()
    (work / "file").write_text("one\n")
    commit_all(work, "One")
    git(tmp_path, "clone", "--quiet", "--bare", str(work), str(tmp_path / "origin"))
    git(work, "remote", "add", "origin", str(tmp_path / "origin"))
    return work


@pytest.fixture
def update(project: Project, clone: Path, tmp_path: Path) -> Update:
    """Return a function that runs the update as the CI does, and tells what became of it."""
    stubs, calls = tmp_path / "stubs", tmp_path / "calls"
    stubs.mkdir()
    calls.touch()
    for name, script in STUBS.items():
        (stubs / name).write_text(f"#!/bin/sh\n{script}\n")
        (stubs / name).chmod(0o755)
    gitlab = re.compile(r'"https://oauth2:.*?"')

    def run() -> tuple[int, str, str]:
        for script in scripts(project, "update"):
            done = subprocess.run(
                ["bash", "-e", "-o", "pipefail", "-c", gitlab.sub("origin", script).replace(OPTION, "")],
                cwd=clone,
                env={**os.environ, "PATH": f"{stubs}:{os.environ['PATH']}", "CALLS": str(calls)},
                capture_output=True,
                text=True,
            )
            if done.returncode:
                break
        branches = git(tmp_path / "origin", "branch", "--format=%(refname:short)")
        return done.returncode, done.stdout + done.stderr, f"{branches}\n{calls.read_text()}"

    return run


OPTION = "--push-option merge_request.create"  # which a plain repository does not take


def test_nothing_new_opens_nothing(update: Update) -> None:
    status, _, done = update()
    assert status == 0
    assert "template-update" not in done


def test_what_is_new_is_pushed_to_a_branch_of_its_own(update: Update, clone: Path, project: Project) -> None:
    (clone / "new").write_text("new\n")
    (clone / "file").write_text("two\n")
    status, said, done = update()
    assert status == 0, said
    assert "template-update" in done
    assert git(clone, "show", "--name-only", "--format=", "HEAD").split() == ["file", "new"]
    assert (project.answers()["ci"] == "gitlab") or "gh pr create" in done


def test_a_conflict_is_reported_and_never_committed(update: Update, clone: Path) -> None:
    git(clone, "checkout", "--quiet", "-b", "theirs")
    (clone / "file").write_text("theirs\n")
    commit_all(clone, "Theirs")
    git(clone, "checkout", "--quiet", "-")
    (clone / "file").write_text("ours\n")
    commit_all(clone, "Ours")
    subprocess.run(["git", "merge", "--quiet", "theirs"], cwd=clone, capture_output=True, check=False)
    before = git(clone, "rev-parse", "HEAD")
    status, said, done = update()
    assert status != 0
    assert "file" in said
    assert "template-update" not in done
    assert git(clone, "rev-parse", "HEAD") == before
