"""The service's own CI runs what the README says, may do little, and shows a conflict in a draft."""

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

CHECKS = ("python -m dev check",)
USES = re.compile(r"^ *- uses: [\w.-]+/[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")
# What stands between the workflow and the world: no template to update from, nobody to open a request at.
COPIER = 'case "$*" in *check-update*) exit $NEWER;; esac'
STUBS = {
    "uvx": COPIER,
    "copier": COPIER,
    "pip": "exit 0",
    "uv": "exit $FAILS",
    "python": "exit $FAILS",
    "gh": 'echo "gh $*" >> "$CALLS"; [ "$1 $2" != "pr view" ]',
}


# One of each CI and package manager: nothing else of the answers is in what is run here.
DISTINCT = {(shape["ci"], shape["package_manager"]): shape for shape in SHAPES}


@pytest.fixture(params=DISTINCT.values(), ids=lambda shape: f"{shape['ci']}-{shape['package_manager']}")
def project(request: pytest.FixtureRequest, render: Render) -> Project:
    """Return a project with either CI."""
    return Project(render(request.param, skip_tasks=True))


def github(project: Project, name: str) -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load(
        (project.path / ".github" / "workflows" / f"{name}.yml").read_text()
    )
    return read


def steps(project: Project, job: str) -> list[dict[str, Any]]:
    """Return the steps of a job that run something; of GitLab's all lines are one."""
    if (project.path / ".gitlab-ci.yml").exists():
        read = yaml.safe_load((project.path / ".gitlab-ci.yml").read_text())
        return [{"run": "\n".join(read[job]["script"])}]
    workflow = github(project, "update" if job == "update" else "ci")
    return [step for step in workflow["jobs"][job]["steps"] if "run" in step]


def scripts(project: Project, job: str) -> list[str]:
    """Return what a job runs, a step at a time."""
    return [step["run"] for step in steps(project, job)]


def test_it_runs_all_that_the_readme_says(project: Project) -> None:
    run = "\n".join(scripts(project, "test"))
    assert all(check in run for check in CHECKS)
    assert "uv sync --locked" in run or "pip install --require-hashes" in run
    assert "audit" in "\n".join(scripts(project, "audit"))


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


type Update = Callable[..., tuple[int, str, str]]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Return a clone whose origin is beside it, and notes with which options one pushes to it."""
    work, origin = tmp_path / "work", tmp_path / "origin"
    work.mkdir()
    (work / "file").write_text("one\n")
    (work / ".copier-answers.yml").write_text("_src_path: https://git.example.com/slipway.git\n")
    commit_all(work, "One")
    git(tmp_path, "clone", "--quiet", "--bare", str(work), str(origin))
    git(origin, "config", "receive.advertisePushOptions", "true")
    (origin / "hooks" / "pre-receive").write_text(
        '#!/bin/sh\nenv | grep ^GIT_PUSH_OPTION_ >> "$CALLS"; exit 0\n'
    )
    (origin / "hooks" / "pre-receive").chmod(0o755)
    git(work, "remote", "add", "origin", str(origin))
    return work


@pytest.fixture
def update(project: Project, clone: Path, tmp_path: Path) -> Update:
    """Return a function that runs the update as the CI does, and tells what became of it."""
    stubs, calls, outputs = tmp_path / "stubs", tmp_path / "calls", tmp_path / "outputs"
    stubs.mkdir()
    calls.touch()
    outputs.touch()
    for name, script in STUBS.items():
        (stubs / name).write_text(f"#!/bin/sh\n{script}\n")
        (stubs / name).chmod(0o755)
    gitlab = re.compile(r'"https://oauth2:[^"]*\.git"')

    def run(newer: int = 2, fails: int = 0) -> tuple[int, str, str]:
        variables = {
            "PATH": f"{stubs}:{os.environ['PATH']}",
            "CALLS": str(calls),
            "GITHUB_OUTPUT": str(outputs),
            "RUNNER_TEMP": str(tmp_path),
            "NEWER": str(newer),
            "FAILS": str(fails),
        }
        for step in steps(project, "update"):
            known = dict(line.split("=") for line in outputs.read_text().split())
            condition = step.get("if", "").rpartition(".")[2]
            if condition and condition not in known:
                continue
            done = subprocess.run(
                ["bash", "-e", "-c", gitlab.sub("origin", step["run"])],
                cwd=clone,
                env={**os.environ, **variables, "PASSED": known.get("passed", "")},
                capture_output=True,
                text=True,
            )
            if done.returncode:
                break
        branches = git(tmp_path / "origin", "branch", "--format=%(refname:short)")
        return done.returncode, done.stdout + done.stderr, f"{branches}\n{calls.read_text()}"

    return run


def test_nothing_new_opens_nothing(update: Update) -> None:
    status, said, done = update(newer=0)
    assert status == 0, said
    assert "template-update" not in done


def test_what_is_new_is_pushed_to_a_branch_of_its_own(update: Update, clone: Path, project: Project) -> None:
    (clone / "new").write_text("new\n")
    (clone / "file").write_text("two\n")
    status, said, done = update()
    assert status == 0, said
    assert "template-update" in done
    assert git(clone, "show", "--name-only", "--format=", "HEAD").split() == ["file", "new"]
    assert "merge_request.create" in done if project.answers()["ci"] == "gitlab" else "gh pr create" in done
    assert "draft" not in done


def test_what_fails_its_checks_is_a_draft(update: Update, clone: Path, project: Project) -> None:
    """On GitHub, which starts no CI for it."""
    if project.answers()["ci"] == "gitlab":
        return
    (clone / "new").write_text("new\n")
    status, said, done = update(fails=1)
    assert status == 0, said
    assert re.search("gh pr create .* --draft", done)


def test_a_conflict_is_a_draft(update: Update, clone: Path, project: Project) -> None:
    git(clone, "checkout", "--quiet", "-b", "theirs")
    (clone / "file").write_text("theirs\n")
    commit_all(clone, "Theirs")
    git(clone, "checkout", "--quiet", "-")
    (clone / "file").write_text("ours\n")
    commit_all(clone, "Ours")
    subprocess.run(["git", "merge", "--quiet", "theirs"], cwd=clone, capture_output=True, check=False)
    git(clone, "merge", "--quit")  # so that only the index knows of it, as after copier
    status, said, done = update()
    assert status == 0, said
    assert "merge_request.draft" in done if project.answers()["ci"] == "gitlab" else "--draft" in done
    assert "<<<<<<<" in git(clone, "show", "HEAD:file")


def test_a_template_on_a_path_is_told(update: Update, clone: Path) -> None:
    (clone / ".copier-answers.yml").write_text("_src_path: /home/ada/slipway\n")
    status, said, done = update()
    assert status == 1
    assert "write the template's address there" in said
    assert "template-update" not in done


def test_an_update_fails_as_copier_does(update: Update) -> None:
    """Such as for a template that it may not read."""
    status, _, done = update(newer=1)
    assert status == 1
    assert "template-update" not in done
