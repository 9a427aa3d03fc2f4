"""The answers of a grown service change repeatedly: each adds its files, and removes them again."""

import itertools
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Render, starting
from tests.support import variants
from tests.support.git import commit_all
from tests.support.postgres import Database, Server
from tests.support.project import LOCKS, Project, union, update
from tests.support.selection import frameworks
from tests.updates.cases import TURNED
from tests.updates.edits import EDITS, Wanted, lost
from tests.updates.play import conflicts, files
from tests.updates.turns import DEFAULTS, SHORT_TOUR, TOUR

MODULES = {"opentelemetry": "otlp", "sentry": "sentry", "prometheus": "prometheus"}


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "tour", [SHORT_TOUR, pytest.param(TOUR, marks=pytest.mark.variants)], ids=["short", "whole"]
)
@pytest.mark.parametrize("framework", frameworks(variants.LEADING))
def test_a_service_goes_through_all_answers_and_back(
    framework: str,
    tour: list[dict[str, Any]],
    render: Render,
    shared: Path,
    tmp_path: Path,
    postgres: Server,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """After each step, `release` runs on the same database. No edit is lost. The last state is the first."""
    project = Project(render({"framework": framework})).copy(tmp_path / "project")
    commit_all(project.path, "Launch")
    wanted: list[Wanted] = [EDITS[name].do(project) for name in TURNED]
    commit_all(project.path, "Ours")
    before = files(project)
    database = Database(postgres, postgres.create())
    for answers in tour:
        update(project.path, answers)
        assert not conflicts(project)
        assert not [line for each in wanted for line in lost(project, each) if not line.startswith(LOCKS)]
        stored = project.answers()
        assert answers.items() <= {"clock": False, **stored}.items()
        for name, module in MODULES.items():
            there = (project.package / "runtime" / f"{module}.py").exists()
            assert there == (name in stored["observability"])
        if project.has_database:
            given = {
                "DATABASE_URL": database.url,
                "REDIS_URL": "redis://nowhere.invalid",
                "MY_SETTING": "ours",
            }
            with starting(project, union(shared), {**project.secrets, **given}) as start:
                assert start(process="release").wait() == 0
        commit_all(project.path, f"With {answers}")
    assert not [line for each in wanted for line in lost(project, each)]
    assert "though you had edited it: uv.lock" not in capfd.readouterr().err
    after = files(project)
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    assert not {name for name in changed if "/migrations/" not in name} - {*LOCKS, "pyproject.toml"}
    assert not before.keys() - after.keys()


def test_the_tours_have_all_queues_and_end_where_they_began() -> None:
    queues = ["none", *(answers["queue"] for answers in TOUR)]
    assert set(itertools.pairwise(queues)) == set(itertools.permutations(variants.choices()["queue"], 2))
    assert {answers["queue"] for answers in SHORT_TOUR} == set(queues)
    for tour in (TOUR, SHORT_TOUR):
        last = {name: answer for answers in tour for name, answer in answers.items()}
        assert last.items() <= DEFAULTS.items()
