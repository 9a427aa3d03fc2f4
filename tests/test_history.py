"""Updates of a service with migrations of its own: the history stays linear, and loses no migration."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.conftest import Render, starting
from tests.support.git import commit_all
from tests.support.postgres import Database, Server
from tests.support.project import Project, environment, run_uv
from tests.support.project import update as run_update
from tests.support.template import HEAD, ROOT
from tests.test_bad_input import run_copier

type Launch = Callable[..., Project]

MINE = """
from pathlib import Path

import sqlalchemy as sa
from alembic import op

REV, _, _ = Path(__file__).stem.partition("_")
PARENT = {follows!r}
revision: str = {revision}
down_revision = {parent}


def upgrade() -> None:
    op.create_table("{table}", sa.Column("id", sa.Integer))
"""


@pytest.fixture
def launch(render: Render, tmp_path: Path) -> Launch:
    """Return a function that launches a service with a database, and commits it."""

    def launched(**answers: str) -> Project:
        project = Project(render(answers)).copy(tmp_path / "project")
        commit_all(project.path, "Launch")
        return project

    return launched


@pytest.fixture(scope="session")
def launched(render: Render) -> Project:
    """Return a service with the migrations of a queue. A test must not change it."""
    return Project(render({"queue": "dramatiq"}))


@pytest.fixture
def database(postgres: Server) -> Database:
    return Database(postgres, postgres.create())


def migrations(project: Project) -> Path:
    return project.package / "migrations" / "versions"


def mine(revision: str, follows: str | None, parent: str = "PARENT", table: str = "mine") -> str:
    """Return a migration as a user writes one. `revision` and `parent` are Python expressions."""
    return MINE.format(revision=revision, follows=follows, parent=parent, table=table)


def add_mine(project: Project, revision: str, follows: str | None) -> None:
    """Add a migration, and commit it."""
    (migrations(project) / f"{revision}_mine.py").write_text(mine(repr(revision), follows))
    commit_all(project.path, "Mine")


def update(project: Project, **answers: str | bool) -> None:
    """Update with other answers, and commit the result."""
    run_update(project.path, answers)
    commit_all(project.path, "Update")


def release(project: Project, shared: Path, database: Database) -> set[str]:
    """Run `release`, assert that it succeeds, and return the names of the tables."""
    given = {"DATABASE_URL": database.url, "REDIS_URL": "redis://nowhere.invalid"}
    with starting(project, environment(shared, project, dev=False), given) as start:
        assert start(process="release").wait() == 0
    return {str(row[0]) for row in database.schema()}


@pytest.mark.variants  # tests/test_turns.py brings a queue and takes it away, too
@pytest.mark.parametrize("revision", ["3f2a91c0d4be", "0002"])
def test_a_queue_comes_and_goes_after_migrations_of_ones_own(
    launch: Launch, shared: Path, database: Database, revision: str
) -> None:
    """This works for any revision in the user's migration. Old and new databases get the same tables."""
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
    """The new migration follows the user's own first one."""
    project = launch()
    (migrations(project) / "0001_notes.py").unlink()
    add_mine(project, "first", None)
    update(project, queue="dramatiq")
    assert release(project, shared, database) >= {"mine", "outbox"}


@pytest.mark.variants  # tests/test_turns.py goes from queue to queue, too
@pytest.mark.parametrize("manager", ["uv", "pip"])
def test_another_queue_leaves_the_tables_of_the_first(
    launch: Launch, shared: Path, database: Database, manager: str
) -> None:
    """The package that its migration imports stays among the dependencies."""
    project = launch(queue="procrastinate", package_manager=manager)
    release(project, shared, database)
    update(project, queue="dramatiq")
    assert release(project, shared, database) >= {"procrastinate_jobs", "outbox"}
    update(project, queue="procrastinate")
    assert [Requirement(each).name for each in project.manifest()["dependencies"]].count("procrastinate") == 1


def test_a_database_comes_back_with_its_history(launch: Launch, shared: Path, database: Database) -> None:
    """Turning the database off deletes no committed migration."""
    project = launch()
    own = migrations(project) / "0002_outbox.py"
    own.write_text(mine('f"{PARENT}b"', "0001"))
    commit_all(project.path, "Mine")
    release(project, shared, database)
    update(project, database="none")
    assert {path.name for path in migrations(project).glob("*.py")} == {"0001_notes.py", own.name}
    kept = {Requirement(each).name for each in project.manifest()["dependencies"]}
    assert {"alembic", "sqlalchemy"} <= kept
    run_uv(project.path, "lock", "--check")
    update(project, database="postgres", queue="dramatiq")
    assert own.read_text() == mine('f"{PARENT}b"', "0001")
    assert "alembic" not in project.manifest()["dependencies"][-2:]
    assert release(project, shared, database) >= {"notes", "mine", "outbox"}
    new = Database(database.server, database.server.create())
    assert release(project, shared, new) == {row[0] for row in database.schema()}


FIRST, SECOND = "0001_notes.py", "0002_outbox.py"


@pytest.mark.parametrize(
    ("own", "new"),
    [
        ({FIRST: "", "a_mine.py": mine("'a'", "0001")}, [SECOND]),
        ({FIRST: "", "0002_mine.py": mine("REV", "0001")}, [SECOND]),
        ({FIRST: "", "x.py": mine("'0002'", "0001"), "y.py": mine("'outbox'", "0002", "[PARENT]")}, [SECOND]),
        (
            {FIRST: "", "x.py": mine("'0' + '002'", "0001"), "y.py": mine("'y'", "0002", "(PARENT,)")},
            [SECOND],
        ),
        ({"a_mine.py": mine("'a'", "0001")}, [FIRST]),
        ({"a_mine.py": mine("'a'", "0001"), "b.py": mine("f'b'", "a")}, [FIRST, SECOND]),
        ({"a_mine.py": mine("'a'", "0002")}, [FIRST, SECOND]),
        ({"0002_mine.py": mine("'0002'", None), "__init__.py": "\n"}, [SECOND]),
    ],
)
def test_each_history_stays_one_line(
    own: dict[str, str], new: list[str], launched: Project, shared: Path, tmp_path: Path
) -> None:
    """Whichever migrations the user has kept and whichever return, Alembic reads each of them once."""
    project = launched.copy(tmp_path / "project")
    (project.path / ".venv").symlink_to(environment(shared, launched, dev=False))
    came = {name: (migrations(project) / name).read_text() for name in (FIRST, SECOND)}
    for path in migrations(project).glob("*.py"):
        path.unlink()
    for name, text in own.items():
        (migrations(project) / name).write_text(text or came[name])
    commit_all(project.path, "Ours")
    for name in new:
        (migrations(project) / name).write_text(came[name])
    script = [sys.executable, str(ROOT / "tasks" / "history.py"), str(migrations(project))]
    subprocess.run(script, cwd=project.path, check=True)
    for name, text in own.items():
        assert (migrations(project) / name).read_text() == (text or came[name])
    files = [name for name in {*own, *new} if name != "__init__.py"]
    assert sorted(read_by_alembic(project)) == sorted(files)


def read_by_alembic(project: Project) -> list[str]:
    """Return the file names of the migrations in Alembic's order."""
    code = (
        "from alembic.script import ScriptDirectory as S\n"
        f"script = S({str(migrations(project).parent)!r})\n"
        "[print(each.path) for each in script.walk_revisions('base', script.get_current_head())]"
    )
    command = [str(project.path / ".venv" / "bin" / "python"), "-c", code]
    done = subprocess.run(command, cwd=project.path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [Path(line).name for line in done.stdout.splitlines()]


def test_several_last_ones_are_the_users_to_join(launch: Launch) -> None:
    """One line tells the user, and no migration changes."""
    project = launch()
    add_mine(project, "one", "0001")
    add_mine(project, "two", "0001")
    status, lines = run_copier(
        "update", "--trust", "--defaults", "-d", "queue=dramatiq", f"--vcs-ref={HEAD}", cwd=project.path
    )
    assert status == 0
    assert [line for line in lines if "alembic merge heads" in line and "one, two" in line]
    assert 'down_revision = "0001"' in (migrations(project) / "0002_outbox.py").read_text()
