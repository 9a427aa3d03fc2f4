"""Conflicts that need no decision: rewritten READMEs, other formatting, and entries from both sides."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from extensions import pins
from tasks import lines, merge, structure
from tasks.lines import ConflictError
from tests.support.git import commit_all, git
from tests.support.project import Project, render
from tests.test_bad_input import run_copier

STYLE = '\n[tool.ruff.format]\nquote-style = "single"\n'


def settled[T](way: Callable[[T, T, T], T], base: T, mine: T, new: T) -> T | None:
    """Return the result of a merge, or None if it is a conflict."""
    try:
        return way(base, mine, new)
    except ConflictError:
        return None


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
        ([1, 2], [1], [1, 2, 3], [1, 3]),
        (
            [{"name": "a", "x": 1}],
            [{"name": "a", "x": 2}, {"name": "b"}],
            [{"name": "a", "x": 1, "y": 1}],
            [{"name": "a", "x": 2, "y": 1}, {"name": "b"}],
        ),
        ([{"name": "a", "x": 1}], [{"name": "a", "x": 2}], [{"name": "a", "x": 3}], None),
        ([1, 2], [1, 1], [2, 3], None),
        ([{"x": 1}], [{"x": 2}], [{"x": 3}], None),
        ({"a": 1}, {"a": [1]}, {"a": {}}, None),
    ],
)
def test_values_are_merged_by_structure(base: Any, mine: Any, new: Any, expected: Any) -> None:
    """If both sides have changed a value differently, that stays a conflict."""
    assert settled(structure.value, base, mine, new) == expected


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
    assert settled(merge.procfile, base, mine, new) == expected


@pytest.mark.parametrize(
    ("base", "mine", "new", "expected"),
    [
        ("a b c", "a B c", "a b C", "a B C"),  # git calls this a conflict
        ("a c", "a mine c", "a new c", "a mine new c"),
        ("a c", "a same c", "a same c", "a same c"),
        ("a b", "b", "a b c", "b c"),
        ("a b", "x a b", "y b", "x y b"),
        ("a b", "A b", "A b c", "A b c"),
        ("a", "b", "c", None),
        ("a b c", "a x c", "a y z", None),
    ],
)
def test_edits_that_touch_are_no_conflict(base: str, mine: str, new: str, expected: str | None) -> None:
    sides = ["".join(f"{word}\n" for word in side.split()) for side in (base, mine, new)]
    if expected is None:
        with pytest.raises(ConflictError):
            lines.merged(*sides)
    else:
        assert lines.merged(*sides).split() == expected.split()


@pytest.mark.parametrize(
    ("name", "base", "mine", "new", "expected"),
    [
        (
            "fly.toml",
            "[env]\na = 1\n",
            "[env]\na = 1 # ours\nb = 2\n",
            "[env]\na = 1\n[processes]\nworker = 1\n",
            "[env]\na = 1 # ours\nb = 2\n[processes]\nworker = 1\n",
        ),
        # The user's lines must come first, because after the new table they would belong to it.
        ("a.toml", "a = 1\n", "a = 1\nb = 2\n", "a = 1\n[t]\nc = 3\n", "a = 1\nb = 2\n[t]\nc = 3\n"),
        ("a.toml", "a = 1\n", "a = 1\n[t]\nc = 3\n", "a = 1\nb = 2\n", "a = 1\nb = 2\n[t]\nc = 3\n"),
        ("a.toml", "a = 1\n", "a = 1\n[t]\nb = 2\n", "a = 1\n[t]\nc = 3\n", None),  # a duplicate table
        ("ci.yml", "on: push\na: 1\n", "on: push\na: 2\n", "on: pull\na: 1\n", "on: pull\na: 2\n"),
        ("ci.yml", "a: 1\n", "a: 1\nb: 2\n", "a: 1\nb: 3\n", None),
        ("ci.yml", "- a: 1\n", "- !mine\n  a: 1\n- b\n", "- a: 1\n- c\n", "- !mine\n  a: 1\n- b\n- c\n"),
        (".env.example", "A=1\n", "A=1\nB=2\n", "A=1\nC=3\n", "A=1\nB=2\nC=3\n"),
        (".env.example", "A=1\n", "A=1\nB=2\n", "A=1\nB=3\n", None),
        ("Dockerfile", "FROM a\n", "FROM a\nRUN apt\n", "FROM b\n", "FROM b\nRUN apt\n"),
    ],
)
def test_lines_are_merged_if_they_mean_what_both_want(
    name: str, base: str, mine: str, new: str, expected: str | None
) -> None:
    way = merge.way(name)
    assert way
    assert settled(way, base, mine, new) == expected


STEP = "      - uses: actions/checkout@{} # v{}\n        with: {{ persist-credentials: false }}\n"
IMAGE = "FROM python:{}-slim{} AS build\n"
NONE, FIRST, OURS, THEIRS = "", *(f"@sha256:{digit * 64}" for digit in "abc")


@pytest.mark.parametrize(
    ("name", "base", "mine", "new", "expected"),
    [
        (
            "ci.yml",
            "steps:\n" + STEP.format("a" * 40, "7.0.1"),
            "steps:\n" + STEP.format("b" * 40, "7.1.0"),
            "on: push\nsteps:\n" + STEP.format("c" * 40, "7.2.0") + "      - run: new\n",
            "on: push\nsteps:\n" + STEP.format("b" * 40, "7.1.0") + "      - run: new\n",
        ),
        (
            "Dockerfile",
            IMAGE.format("3.13", FIRST) + "RUN a\n",
            IMAGE.format("3.13", OURS) + "RUN a\n",
            IMAGE.format("3.13", THEIRS) + "RUN b\n",
            IMAGE.format("3.13", OURS) + "RUN b\n",
        ),
        (  # a pin that the user has not changed is raised, even if there was none before
            "Dockerfile",
            IMAGE.format("3.13", NONE),
            "# Ours\n" + IMAGE.format("3.13", NONE),
            IMAGE.format("3.13", THEIRS),
            "# Ours\n" + IMAGE.format("3.13", THEIRS),
        ),
        (
            "Dockerfile",
            IMAGE.format("3.13", FIRST),
            IMAGE.format("3.13", OURS),
            IMAGE.format("3.14", THEIRS),
            None,
        ),
    ],
)
def test_a_pin_that_the_users_bot_has_raised_is_no_conflict(
    name: str, base: str, mine: str, new: str, expected: str | None
) -> None:
    way = merge.way(name)
    assert way
    new = lines.yielding(base, mine, new)
    assert settled(way, base, mine, new) == expected


def test_a_readme_that_keeps_a_section_is_merged_by_line() -> None:
    base = "# A\n\n## Run\n\n## Stop\n"
    mine = base.replace("A", "B").replace("Run\n", "Run\n\nOurs.\n")
    assert merge.readme(base, mine, base.replace("Run", "Run it")) == mine.replace("Run", "Run it")
    with pytest.raises(ConflictError):
        merge.readme(base, base.replace("Run", "Go"), base.replace("Run", "Run it"))


def format_as_the_service_does(project: Project, *arguments: str) -> None:
    (version,) = pins.PINS["packages"]["ruff"]
    subprocess.run(
        ["uvx", "--quiet", f"ruff@{version}", "format", "--quiet", *arguments], cwd=project.path, check=True
    )


def test_an_update_settles_what_is_no_conflict(template: Path, tmp_path: Path) -> None:
    """A service with its own style, README, process types and add-ons gets a queue and a clock."""
    project = Project(tmp_path / "project")
    platforms = ["heroku", "docker", "fly", "render"]
    render(template, project.path, {"platforms": platforms}, skip_tasks=True)
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
    own = {  # each at a place where the queue and the clock add lines too
        "render.yaml": ("      - { key: DATABASE_URL,.*\n", "      - { key: OURS, value: '1' } # ours\n"),
        "fly.toml": ('web = "python.*\n', 'mailer = "python -m mailer"\n'),
        "pyproject.toml": ('  "alembic",\n', '  "rich", # ours\n'),
        "compose.yaml": ("    DATABASE_URL: .*\n", "    OURS: '1' # ours\n"),
        ".env.example": ("# HTTPS_ONLY=.*\n", "# Ours.\nOURS=1\n"),
    }
    for name, (after, line) in own.items():
        file = project.path / name
        text = file.read_text()
        place = re.search(after, text)
        assert place
        file.write_text(text[: place.end()] + line + text[place.end() :])
    commit_all(project.path, "Ours")
    answers = ("-d", "queue=dramatiq", "-d", "clock=true")
    status, lines = run_copier("update", "--trust", "--defaults", *answers, cwd=project.path)
    assert status == 0, lines
    assert git(project.path, "diff", "--name-only", "--diff-filter=U") == ""
    assert not [line for line in lines if line.startswith("Conflicts")]
    assert readme.read_text() == "# Orders\n\nHow we deploy: ask Ada.\n"
    assert sum(line.startswith("README.md stays as you wrote it.") for line in lines) == 1
    assert set(project.procfile()) == {"web", "release", "worker", "clock", "reports"}
    for name, (_, line) in own.items():
        text = (project.path / name).read_text()
        assert text.count(line) == 1
        assert "REDIS_URL" in text or "dramatiq" in text or name == "fly.toml"
    assert 'mailer = "python -m mailer"\n' in (project.path / "fly.toml").read_text()
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
