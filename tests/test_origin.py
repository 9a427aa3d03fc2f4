"""A service stores an address and a version from which it can be updated, here and on other machines."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from extensions.origin import address
from tests.support.git import commit_all, git
from tests.support.project import Project
from tests.support.template import ROOT, copy_work_tree, releases
from tests.test_bad_input import run_copier

URL = "https://git.example.com/team/slipway"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://github.com/team/slipway", "https://github.com/team/slipway"),
        ("git@github.com:team/slipway.git", "git@github.com:team/slipway.git"),
        (URL, f"git+{URL}"),
        ("https://me:secret@git.example.com/team/slipway.git", f"{URL}.git"),
        ("https://token@git.example.com:8443/slipway", "git+https://git.example.com:8443/slipway"),
        ("ssh://git:secret@git.example.com:22/slipway", "git+ssh://git@git.example.com:22/slipway"),
        ("deploy@git.example.com:slipway", "git+deploy@git.example.com:slipway"),
        ("git.example.com:slipway.git", "git.example.com:slipway.git"),
        ("file:///srv/slipway.git", ""),
        ("/srv/slipway.git", ""),
        ("../slipway", ""),
        ("C:/slipway.git", ""),
        ("", ""),
    ],
)
def test_an_origin_is_an_address_without_its_password(url: str, expected: str) -> None:
    assert address(url) == expected


@pytest.fixture
def source(template: Path, tmp_path: Path) -> Path:
    """Return a clone of the template that a test may change."""
    return Path(shutil.copytree(template, tmp_path / "slipway"))


def launch(source: str, folder: Path, *options: str) -> tuple[Project, list[str]]:
    """Copy as a user does, commit, and return the project and copier's messages."""
    project = folder / "orders"
    status, lines = run_copier(
        "copy", "--trust", "--defaults", "--skip-tasks", *options, source, str(project)
    )
    assert status == 0, lines
    commit_all(project, "Launch")
    return Project(project), lines


def change(source: Path, text: str, file: str = ".gitignore") -> None:
    """Change a file of the template without a commit."""
    with (source / "template" / f"{file}.jinja").open("a") as lines:
        lines.write(text)


def update(project: Project) -> list[str]:
    """Update, and return copier's messages."""
    status, lines = run_copier("update", "--trust", "--defaults", "--skip-tasks", cwd=project.path)
    assert status == 0, lines
    return lines


@pytest.mark.parametrize("tagged", [True, pytest.param(False, marks=pytest.mark.variants)])
def test_a_dirty_clone_is_said_and_can_be_updated_from(source: Path, tmp_path: Path, tagged: bool) -> None:
    """With or without tags, the stored version is a commit that the clone has."""
    if not tagged:
        git(source, "tag", "--delete", "999.0.0")
    change(source, "# Draft\n", ".python-version")
    (source / "notes.txt").write_text("untracked")
    project, lines = launch(str(source), tmp_path, "--vcs-ref=HEAD")
    assert sum("uncommitted changes" in line for line in lines) == 1
    assert sum("no tags" in line for line in lines) == (not tagged)
    assert sum(f"look for the template in {source}." in line for line in lines) == 1
    stored = str(project.answers()["_commit"])
    assert git(source, "rev-parse", f"{stored}^{{commit}}") == git(source, "rev-parse", "HEAD")
    assert (project.path / ".python-version").read_text().endswith("# Draft\n")
    change(source, "# Later\n")
    commit_all(source, "Later", tag="999.1.0" if tagged else "")
    update(project)
    assert (project.path / ".python-version").read_text().endswith("# Draft\n")
    assert (project.path / ".gitignore").read_text().endswith("# Later\n")


def test_a_relative_path_is_stored_whole(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    project, _ = launch(source.name, tmp_path)
    assert project.answers()["_src_path"] == str(source)


def test_a_pushed_version_is_found_at_its_address(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This works even if the clone is gone. A version that is not pushed is found only in the clone."""
    served = tmp_path / "served.git"
    git(tmp_path, "clone", "--quiet", "--bare", str(source), str(served))
    (tmp_path / "gitconfig").write_text(f'[url "{served}"]\ninsteadOf = {URL}\n')
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    monkeypatch.setenv("COPIER_CACHE_DIR", str(tmp_path / "cache"))
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", URL, str(clone))
    project, lines = launch(str(clone), tmp_path)
    assert (project.answers()["_src_path"], project.answers()["_commit"]) == (f"git+{URL}", "999.0.0")
    assert not [line for line in lines if "look for the template" in line or "no tags" in line]

    change(clone, "# Later\n")
    commit_all(clone, "Later", tag="999.1.0")
    ahead, lines = launch(str(clone), tmp_path / "ahead")
    assert ahead.answers()["_src_path"] == str(clone)
    assert sum("look for the template" in line for line in lines) == 1
    git(clone, "push", "--quiet", "--tags", "origin", "HEAD")
    update(ahead)
    assert ahead.answers()["_src_path"] == f"git+{URL}"
    shutil.rmtree(clone)
    assert "Updated from 999.0.0 to 999.1.0." in update(project)
    assert (project.path / ".gitignore").read_text().endswith("# Later\n")


def test_releases_are_tagged_once(tmp_path: Path) -> None:
    """The test does what `nox -s release` does, in a clone without tags."""
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", "--no-tags", str(ROOT), str(clone))
    copy_work_tree(clone)
    command = [sys.executable, "-m", "tests.tag"]
    for printed in (len(releases()) + 1, 1):
        done = subprocess.run(command, cwd=clone, capture_output=True, text=True, check=True)
        assert len(done.stdout.splitlines()) == printed
    commits = {version: git(clone, "rev-parse", version).strip() for version in git(clone, "tag").split()}
    assert commits == releases()


@pytest.mark.parametrize(
    "left", [".nox/x", ".venv/x", "uv.lock", "tests/__pycache__/x.pyc", ".mypy_cache/x", "build/x"]
)
def test_what_our_tools_leave_makes_no_clone_dirty(left: str) -> None:
    assert re.fullmatch(r"\S+\n", git(ROOT, "check-ignore", left))
