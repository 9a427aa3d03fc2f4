"""Platforms come and go with `copier update`, and what the user wrote is never lost in silence."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pexpect
import pytest

from extensions import options
from tests.support.git import commit_all, git
from tests.support.project import Project, render
from tests.support.variants import choices
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
    """Update with other answers, and return what is said of files that go."""
    data = [part for answer in answers for part in ("-d", answer)]
    status, lines = run_copier("update", "--trust", "--defaults", *data, cwd=project.path)
    assert status == 0, lines
    return [line for line in lines if "goes with" in line]


def without_lock(texts: dict[str, bytes]) -> dict[str, bytes]:
    """Leave out what tasks complete, and git's own."""
    return {name: text for name, text in texts.items() if name != "uv.lock" and not name.startswith(".git/")}


def test_every_platform_comes_and_goes(launch: Launch) -> None:
    """An untouched file needs no warning; after the way back, nothing is left and nothing lacks."""
    project = launch(["heroku", "docker"])
    before = without_lock(tree(project.path))
    assert update(project, "platforms=[docker, kubernetes, fly, render]", "ci=gitlab") == []
    for option in ("docker", "kubernetes", "fly", "render", "gitlab"):
        assert all((project.path / file).exists() for file in options.FILES[option])
    for option in ("heroku", "github"):
        assert not any((project.path / file).exists() for file in options.FILES[option])
    commit_all(project.path, "More platforms")
    assert update(project, "platforms=[heroku, docker]", "ci=github") == []
    assert without_lock(tree(project.path)) == before


def test_a_file_that_was_edited_goes_with_a_warning(launch: Launch) -> None:
    project = launch(["docker", "fly", "kubernetes"])
    manifest = "deploy/kubernetes/base/config.env"
    for name in ("fly.toml", manifest):
        with (project.path / name).open("a") as file:
            file.write("# Mine.\n")
    commit_all(project.path, "Ours")
    said = update(project, "platforms=[docker]")
    assert [line.split()[0] for line in said] == ["fly.toml", manifest]
    assert not (project.path / "fly.toml").exists()
    git(project.path, "restore", "fly.toml")
    assert (project.path / "fly.toml").read_text().endswith("# Mine.\n")


@pytest.mark.parametrize("platform", options.NEEDS)
def test_a_platform_without_what_it_needs_is_one_line(template: Path, tmp_path: Path, platform: str) -> None:
    status, lines = run_copier(
        "copy", "--trust", "--defaults", "-d", f"platforms=[{platform}]", str(template), str(tmp_path / "new")
    )
    assert (status, lines) == (
        1,
        [f"platforms has {platform}, which runs the image of docker: choose docker too."],
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
    says("Where does it run")
    says("Render - ")
    prompt.send(f"{down} {down} \r")  # from Heroku and Docker to Heroku and Kubernetes
    says("platforms has kubernetes, which runs the image of docker: choose docker too.")
    prompt.send(f"{up} \r")
    says("The next two commands")
    prompt.expect(pexpect.EOF)
    assert (tmp_path / "new" / "deploy" / "kubernetes" / "base").is_dir()
