"""The stored answers: an update refuses changes that it cannot make, and assumes no missing answer."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Render
from tests.support.git import commit_all, git
from tests.support.project import Project, update
from tests.test_bad_input import run_copier

ANSWERS = ".copier-answers.yml"


@pytest.fixture
def project(render: Render, tmp_path: Path) -> Project:
    """Return a service with committed edits."""
    project = Project(render({"queue": "dramatiq", "clock": True})).copy(tmp_path / "project")
    project.append("routes.py", "\n\nMINE = 1\n")
    commit_all(project.path, "Ours")
    return project


def without(*questions: str) -> Callable[[Project], None]:
    """Return an edit that removes answers, as a bad merge might."""

    def edit(project: Project) -> None:
        file = project.path / ANSWERS
        for question in questions:
            text, count = re.subn(f"^{question}:.*\n(- .*\n)*", "", file.read_text(), flags=re.MULTILINE)
            assert count == 1
            file.write_text(text)

    return edit


def rename(project: Project) -> None:
    """Rename only the package's folder."""
    shutil.move(project.package, project.path / "shop")


@pytest.mark.parametrize(
    ("edit", "data", "line"),
    [
        (
            None,
            "package=shop",
            "An update cannot change package {package}. To rename it, `git mv {package} shop`, ",
        ),
        (
            None,
            "framework=flask",
            "An update cannot change framework fastapi. To change it, launch a new service ",
        ),
        (without("database"), "ci=none", f"{ANSWERS} lacks database: "),
        (without("clock", "license", "framework"), "ci=none", f"{ANSWERS} lacks framework, clock, license: "),
        (without("package_manager", "platforms"), "ci=none", f"{ANSWERS} lacks package_manager, platforms: "),
        (rename, "ci=none", f"There is no folder {{package}}, which {ANSWERS} names as the package: "),
    ],
)
def test_an_update_that_would_lose_something_is_one_line(
    edit: Callable[[Project], None] | None, data: str, line: str, project: Project
) -> None:
    package = project.name
    if edit:
        edit(project)
        commit_all(project.path, "A bad merge")
    before = git(project.path, "rev-parse", "HEAD")
    status, lines = run_copier("update", "--trust", "--defaults", "-d", data, cwd=project.path)
    assert (status, len(lines)) == (1, 1), lines
    assert lines[0].startswith(line.format(package=package))
    assert (git(project.path, "status", "--porcelain"), git(project.path, "rev-parse", "HEAD")) == (
        "",
        before,
    )


def test_the_way_to_rename_a_package_works(project: Project) -> None:
    """The test follows the message. Then an update keeps the edits, and applies another answer."""
    package = project.name
    git(project.path, "mv", package, "shop")
    for name in git(project.path, "grep", "--name-only", "--word-regexp", package).splitlines():
        file = project.path / name
        file.write_text(re.sub(rf"\b{package}\b", "shop", file.read_text()))
    commit_all(project.path, "Rename")
    update(project.path, {"ci": "gitlab"})
    assert project.name == "shop"
    assert (project.package / "routes.py").read_text().endswith("\n\nMINE = 1\n")
    assert not (project.path / package).exists()
    assert (project.path / ".gitlab-ci.yml").exists()
    assert not git(project.path, "diff", "--name-only", "--diff-filter=U")
