"""An update meets the migrations of a service that has grown: they stay one line, and none is unsaid."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import starting
from tests.support.git import commit_all
from tests.support.postgres import Database, Server
from tests.support.project import Project, environment, render, run_uv
from tests.support.project import update as run_update
from tests.support.template import HEAD
from tests.test_bad_input import run_copier

type Launch = Callable[..., Project]

MINE = """
import sqlalchemy as sa
from alembic import op

revision: str = "{revision}"
down_revision: str | None = {follows!r}


def upgrade() -> None:
    op.create_table("mine", sa.Column("id", sa.Integer))
"""


@pytest.fixture
def launch(template: Path, tmp_path: Path) -> Launch:
    """Return a function that launches a service with a database, and commits it."""

    def launched(**answers: str) -> Project:
        project = Project(tmp_path / "project")
        render(template, project.path, answers)
        commit_all(project.path, "Launch")
        return project

    return launched


@pytest.fixture
def database(postgres: Server) -> Database:
    return Database(postgres, postgres.create())


def migrations(project: Project) -> Path:
    return project.package / "migrations" / "versions"


def add_mine(project: Project, revision: str, follows: str | None) -> None:
    """Write a migration as a user does, and commit it."""
    (migrations(project) / f"{revision}_mine.py").write_text(MINE.format(revision=revision, follows=follows))
    commit_all(project.path, "Mine")


def update(project: Project, **answers: str | bool) -> None:
    """Update with other answers, and commit what comes."""
    run_update(project.path, answers)
    commit_all(project.path, "Update")


def release(project: Project, shared: Path, database: Database) -> set[str]:
    """Run `release`, which is to succeed, and return the tables that there are."""
    given = {"DATABASE_URL": database.url, "REDIS_URL": "redis://nowhere.invalid"}
    with starting(project, environment(shared, project, dev=False), given) as start:
        assert start(process="release").wait() == 0
    return {str(row[0]) for row in database.schema()}


@pytest.mark.parametrize("revision", ["3f2a91c0d4be", "0002"])
def test_a_queue_comes_and_goes_after_migrations_of_ones_own(
    launch: Launch, shared: Path, database: Database, revision: str
) -> None:
    """Whatever the own one is called; a database that has run them and a new one both arrive."""
    project = launch()
    add_mine(project, revision, "0001")
    assert "mine" in release(project, shared, database)
    update(project, queue="dramatiq", clock=True)
    assert release(project, shared, database) >= {"notes", "mine", "outbox", "ticks"}
    update(project, queue="none", clock=False)
    release(project, shared, database)
    update(project, queue="celery")
    release(project, shared, database)
    new = Database(database.server, database.server.create())
    assert release(project, shared, new) == {row[0] for row in database.schema()}


def test_the_examples_migration_may_be_gone(launch: Launch, shared: Path, database: Database) -> None:
    """What comes follows on the user's own first one."""
    project = launch()
    (migrations(project) / "0001_notes.py").unlink()
    add_mine(project, "first", None)
    update(project, queue="dramatiq")
    assert release(project, shared, database) >= {"mine", "outbox"}


def test_another_queue_leaves_the_tables_of_the_first(
    launch: Launch, shared: Path, database: Database
) -> None:
    """Its migration stays as long as the user keeps what it imports."""
    project = launch(queue="procrastinate")
    release(project, shared, database)
    update(project, queue="dramatiq")
    run_uv(project.path, "add", "--quiet", "procrastinate")
    assert release(project, shared, database) >= {"procrastinate_jobs", "outbox"}


def test_several_last_ones_are_the_users_to_join(launch: Launch) -> None:
    """One line says so, and nothing is written into a migration."""
    project = launch()
    add_mine(project, "one", "0001")
    add_mine(project, "two", "0001")
    status, lines = run_copier(
        "update", "--trust", "--defaults", "-d", "queue=dramatiq", f"--vcs-ref={HEAD}", cwd=project.path
    )
    assert status == 0
    assert [line for line in lines if "alembic merge heads" in line and "one, two" in line]
    assert 'down_revision = "0001"' in (migrations(project) / "0002_outbox.py").read_text()
