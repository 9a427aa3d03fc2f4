"""Platforms come and go with `copier update`, and what the user wrote is never lost in silence."""

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pexpect
import pytest

from extensions import options
from tests.support.git import commit_all, git
from tests.support.project import Project, render
from tests.support.variants import FILES, choices
from tests.test_bad_input import run_copier, tree

type Launch = Callable[[list[str]], Project]


@pytest.fixture
def launch(template: Path, tmp_path: Path) -> Launch:
    """Return a function that launches a service for some platforms, and commits it."""

    def launched(platforms: list[str]) -> Project:
        project = Project(tmp_path / "project")
        render(template, project.path, {"platforms": platforms}, skip_tasks=True)
        commit_all(project.path, "Launch")
        return project

    return launched


def update(project: Project, *answers: str) -> list[str]:
    """Update with other answers, and return what is said of files that are gone."""
    data = [part for answer in answers for part in ("-d", answer)]
    status, lines = run_copier("update", "--trust", "--defaults", *data, cwd=project.path)
    assert status == 0, lines
    return [line for line in lines if line.startswith("Removed")]


def without_lock(texts: dict[str, bytes]) -> dict[str, bytes]:
    """Leave out what tasks complete, and git's own."""
    return {name: text for name, text in texts.items() if name != "uv.lock" and not name.startswith(".git/")}


def test_every_platform_comes_and_goes(launch: Launch) -> None:
    """What goes is named; after the way back, nothing is left and nothing lacks."""
    project = launch(["heroku", "docker"])
    before = without_lock(tree(project.path))
    (line,) = update(project, "platforms=[docker, kubernetes, fly, render]", "ci=gitlab")
    assert line.endswith(
        ": .github/dependabot.yml, .github/workflows/ci.yml, .github/workflows/update.yml, "
        "CODEOWNERS, SECURITY.md, app.json."
    )
    for option in ("docker", "kubernetes", "fly", "render", "gitlab"):
        assert all((project.path / file).exists() for file in FILES[option])
    for option in ("heroku", "github"):
        assert not any((project.path / file).exists() for file in FILES[option])
    commit_all(project.path, "More platforms")
    update(project, "platforms=[heroku, docker]", "ci=github")
    assert without_lock(tree(project.path)) == before


def test_what_an_option_takes_is_told_truthfully(template: Path, tmp_path: Path) -> None:
    """Code and licence as platforms, edited or not; what stays is not named."""
    project = Project(tmp_path / "project")
    answers = {
        "queue": "celery",
        "license": "MIT",
        "platforms": ["docker", "fly", "kubernetes"],
        "ci": "none",
    }
    render(template, project.path, answers, skip_tasks=True)
    jobs, models, manifest = (
        f"{project.name}/jobs.py",
        f"{project.name}/models.py",
        "deploy/kubernetes/base/config.env",
    )
    for name in ("LICENSE", "README.md", "fly.toml", jobs, manifest):
        with (project.path / name).open("a") as file:
            file.write("# Mine.\n")
    (project.path / "kept.txt").write_text("mine")
    commit_all(project.path, "Ours")
    known = set(git(project.path, "ls-files").splitlines())

    off = ("platforms=[docker]", "queue=none", "database=none", "license=none", "ci=github")
    untouched, *edited = update(project, *off)
    mine = {"LICENSE", "fly.toml", jobs, manifest}
    assert {re.search(r"`git restore (.+)`", line)[1] for line in edited} == mine  # type: ignore[index]
    named = set(untouched.removesuffix(".").partition(": ")[2].split(", "))
    assert models in named
    assert named | mine == {name for name in known if not (project.path / name).exists()}
    git(project.path, "restore", jobs)
    assert (project.path / jobs).read_text().endswith("# Mine.\n")


@pytest.mark.parametrize("platform", options.NEEDS)
def test_a_platform_without_what_it_needs_is_one_line(template: Path, tmp_path: Path, platform: str) -> None:
    status, lines = run_copier(
        "copy", "--trust", "--defaults", "-d", f"platforms=[{platform}]", str(template), str(tmp_path / "new")
    )
    assert (status, lines) == (
        1,
        [f"platforms has {platform}, which needs docker."],
    )
    assert not (tmp_path / "new").exists()


def test_the_prompt_says_what_a_platform_needs(template: Path, tmp_path: Path) -> None:
    """The reason stands below the list as long as it holds."""
    data = ("project_name=Shop", "project_slug=shop-desk", "package=shop_desk", "description=x", "user_name=")
    rest = (f"{name}={values[0]}" for name, values in choices().items() if name != "platforms")
    answers = [part for answer in (*data, "user_email=", *rest) for part in ("-d", answer)]
    command = [
        "-m",
        "copier",
        "copy",
        "--trust",
        "--skip-tasks",
        *answers,
        str(template),
        str(tmp_path / "new"),
    ]
    prompt = pexpect.spawn(
        sys.executable,
        command,
        env={**os.environ, "TERM": "xterm"},
        dimensions=(50, 200),
        encoding="utf-8",
        timeout=20,
    )

    def says(text: str) -> None:
        while prompt.expect_exact(["\x1b[6n", text]) == 0:  # where is the cursor? prompts need to know
            prompt.send("\x1b[1;1R")

    down, up = "\x1b[B", "\x1b[A"
    says("Which platforms")
    says("Render - ")
    prompt.send(f"{down} {down} \r")  # from Heroku and Docker to Heroku and Kubernetes
    says("has kubernetes, which needs docker.")
    prompt.send(f"{up} \r")
    says("Run these two commands")
    prompt.expect(pexpect.EOF)
    assert (tmp_path / "new" / "deploy" / "kubernetes" / "base").is_dir()
