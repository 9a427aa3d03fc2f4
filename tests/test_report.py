"""The report at the end of an update: what it did, and what the user has to do."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.version import Version

from extensions import context
from slipway.changelog import changes, options
from tests.support.git import commit_all, git
from tests.support.project import Project, render
from tests.support.template import ROOT

CHANGELOG = "# Changelog\n\n## Unreleased\n\n- x\n\n## 1.2.0 - 2026\n\n- b\n\n## 1.1.0\n\n- a\n"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("1.0.0", "1.2.0", ["1.2.0 - 2026\n\n- b", "1.1.0\n\n- a"]),
        ("1.1.0", "1.2.0", ["1.2.0 - 2026\n\n- b"]),
        ("1.1.0", "1.2.0.post3.dev0+abc", ["1.2.0 - 2026\n\n- b"]),
        ("1.1.0", "1.1.0.post1.dev0+abc", []),
        ("0.0.0.post7.dev0+abc", "1.2.0", []),
        ("1.2.0", "1.2.0", []),
    ],
)
def test_the_changelog_is_cut_to_what_is_new(old: str, new: str, expected: list[str]) -> None:
    assert changes(CHANGELOG, Version(old), Version(new)) == expected


@pytest.mark.parametrize(
    ("entry", "kept"),
    [
        ("- Anything: it concerns everybody.", True),
        ("- Django: a view.", False),
        ("- Flask: a view,\n  over two lines.", True),
        ("- Flask and Django: a view.", True),
        ("- celery, dramatiq: a job.", False),
        ("- heroku: a dyno.", True),
    ],
)
def test_what_concerns_other_answers_is_left_out(entry: str, kept: bool) -> None:
    log = f"# Changelog\n\n## 1.1.0\n\n{entry}\n- The last one.\n\n## 1.0.0\n\n- a\n"
    answers = {"framework": "flask", "queue": "none", "platforms": ["heroku"]}
    (section,) = changes(log, Version("1.0.0"), Version("1.1.0"), options(context.QUESTIONS), answers)
    assert section == f"1.1.0\n\n{entry + chr(10) if kept else ''}- The last one."


def test_an_update_ends_with_a_report(template: Path, tmp_path: Path) -> None:
    """It has the versions, changes, migrations, conflicts by file, and the next command."""
    source, project = tmp_path / "template", Project(tmp_path / "project")
    shutil.copytree(template, source)
    git(source, "tag", "--delete", "999.0.0")
    git(source, "tag", "0.7.9")
    render(source, project.path, {}, skip_tasks=True)
    readme = project.path / "README.md"
    readme.write_text(readme.read_text().replace("## Layout", "## Where things are"))
    commit_all(project.path, "Ours")
    later = source / "template" / "README.md.jinja"
    later.write_text(later.read_text().replace("## Layout", "## The layout"))
    log = source / "CHANGELOG.md"
    log.write_text(log.read_text().replace("\n## ", "\n## 99.0.0 - today\n\n- All is better.\n\n## ", 1))
    commit_all(source, "Release 99.0.0", tag="99.0.0")

    command = ["-m", "copier", "update", "--trust", "--defaults", "-d", "queue=dramatiq"]
    done = subprocess.run([sys.executable, *command], cwd=project.path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lines = done.stderr.partition("Updated from ")[2].splitlines()
    assert lines[0] == "0.7.9 to 99.0.0."
    entries = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    expected = entries[: next(at for at, entry in enumerate(entries) if entry.startswith("0.7."))]
    assert [line for line in lines if re.match(r"\d+\.\d+\.\d+ - ", line)] == ["99.0.0 - today", *expected]
    assert "- All is better." in lines
    at = readme.read_text().splitlines().index("<<<<<<< before updating") + 1
    assert lines[-7:] == [
        f"New migrations, which `release` will run: {project.name}/migrations/versions/0002_outbox.py.",
        "Conflicts, where your lines and the template's meet: README.md.",
        f"  README.md:{at}",
        "    yours:    ## Where things are",
        "    template: ## The layout",
        "Edit each file, `git add` it, and find any marker that is left with `git diff --check`.",
        "Next: read `git status` and `git diff`, run `uv run pytest`, and commit.",
    ]
    assert git(project.path, "diff", "--name-only", "--diff-filter=U") == "README.md\n"
    assert not list((project.path / ".git").glob("slipway*"))
