"""Conflicts that are none: own READMEs, own formatting, and entries that both sides add."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from extensions import pins
from tasks import merge
from tests.support.git import commit_all, git
from tests.support.project import Project, render
from tests.test_bad_input import run_copier

STYLE = '\n[tool.ruff.format]\nquote-style = "single"\n'


@pytest.mark.parametrize(
    ("base", "mine", "new", "expected"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, {"a": 1, "c": 3}, {"a": 1, "b": 2, "c": 3}),
        ({"a": 1, "b": 1}, {"a": 2, "b": 1}, {"a": 1}, {"a": 2}),
        ({"a": {"x": 1}}, {"a": {"x": 2}}, {"a": {"x": 1, "y": 1}}, {"a": {"x": 2, "y": 1}}),
        ([1, 2], [1, 2, 3], [2, 4], [2, 3, 4]),
        ({}, {"a": [1]}, {"a": [1]}, {"a": [1]}),
        ({"a": 1}, {"a": 2}, {"a": 3}, None),
        ({"a": 1}, {"a": 2}, {}, None),
        ([1, 2], [1], [1, 2, 3], None),
        ({"a": 1}, {"a": [1]}, {"a": {}}, None),
    ],
)
def test_values_are_merged_by_structure(base: Any, mine: Any, new: Any, expected: Any) -> None:
    """What both sides have changed differently stays a conflict."""
    if expected is None:
        with pytest.raises(merge.ConflictError):
            merge.value(base, mine, new)
    else:
        assert merge.value(base, mine, new) == expected


@pytest.mark.parametrize(
    ("mine", "expected"),
    [
        ("web: a\nown: x\n", "web: a\nown: x\nworker: c\n"),
        ("# Ours\nweb: mine\n\nrelease: b\n", "# Ours\nweb: mine\n\nworker: c\n"),
        ("web: a\nrelease: mine\n", None),
    ],
)
def test_process_types_are_merged_by_name(mine: str, expected: str | None) -> None:
    base, new = "web: a\nrelease: b\n", "worker: c\nweb: a\n"
    if expected is None:
        with pytest.raises(merge.ConflictError):
            merge.procfile(base, mine, new)
    else:
        assert merge.procfile(base, mine, new) == expected


def test_a_readme_that_keeps_a_section_is_the_users_to_merge() -> None:
    with pytest.raises(merge.ConflictError):
        merge.readme("# A\n\n## Run\n", "# B\n\n## Run\n\nOurs.\n", "# A\n\n## Run it\n")


def format_as_the_service_does(project: Project, *arguments: str) -> None:
    (version,) = pins.PINS["packages"]["ruff"]
    subprocess.run(
        ["uvx", "--quiet", f"ruff@{version}", "format", "--quiet", *arguments], cwd=project.path, check=True
    )


def test_an_update_settles_what_is_no_conflict(template: Path, tmp_path: Path) -> None:
    """A service with a style, a README, process types and add-ons of its own gets a queue and a clock."""
    project = Project(tmp_path / "project")
    render(template, project.path, {}, skip_tasks=True)
    manifest, readme, procfile, app = (
        project.path / name for name in ("pyproject.toml", "README.md", "Procfile", "app.json")
    )
    manifest.write_text(
        re.sub("^line-length = 100$", "line-length = 79", manifest.read_text(), flags=re.M) + STYLE
    )
    format_as_the_service_does(project)
    readme.write_text("# Orders\n\nHow we deploy: ask Ada.\n")
    procfile.write_text(f"{procfile.read_text()}reports: python -m {project.name}.reports\n")
    described = json.loads(app.read_text())
    described["env"]["OURS"] = {"value": "1"}
    described["addons"].append({"plan": "papertrail"})
    described["formation"]["web"]["size"] = "performance-m"
    app.write_text(json.dumps(described, indent=2) + "\n")
    commit_all(project.path, "Ours")
    answers = ("-d", "queue=dramatiq", "-d", "clock=true")
    status, lines = run_copier("update", "--trust", "--defaults", *answers, cwd=project.path)
    assert status == 0, lines
    assert git(project.path, "diff", "--name-only", "--diff-filter=U") == ""
    assert not [line for line in lines if line.startswith("Conflicts")]
    assert readme.read_text() == "# Orders\n\nHow we deploy: ask Ada.\n"
    assert sum(line.startswith("README.md stays as you wrote it.") for line in lines) == 1
    assert set(project.procfile()) == {"web", "release", "worker", "clock", "reports"}
    described = json.loads(app.read_text())
    assert {"OURS", "REDIS_TLS_VERIFY"} <= described["env"].keys()
    assert [addon["plan"].partition(":")[0] for addon in described["addons"]] == [
        "heroku-postgresql",
        "papertrail",
        "heroku-redis",
    ]
    assert described["formation"]["web"]["size"] == "performance-m"
    assert "worker" in described["formation"]
    format_as_the_service_does(
        project, "--check", *(f"{project.name}/{name}.py" for name in ("__main__", "notes"))
    )
