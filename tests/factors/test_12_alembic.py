"""XII. Admin processes: migrations as Alembic's documentation writes them (C-18, C-28)."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Run
from tests.support.orm import assert_it_waits_for_its_turn
from tests.support.postgres import Database
from tests.support.project import Project
from tests.support.selection import named
from tests.support.service import Event

pytestmark = pytest.mark.database

FILE = '''"""A migration of a test."""

import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = {before!r}
branch_labels = {label!r}
depends_on = {depends!r}


def upgrade() -> None:
    {body}
'''
INDEX = """with op.get_context().autocommit_block():
        op.create_index("by_words", "notes", ["words"], postgresql_concurrently=True)"""
COLUMN = 'op.add_column("notes", sa.Column("colour", sa.Text()))'
SHAPE = 'op.add_column("notes", sa.Column("shape", sa.Text()))'
FAILS = 'op.execute("SELECT 1 / 0")'
ENUM = """op.execute("CREATE TYPE mood AS ENUM ('sad')")
    with op.get_context().autocommit_block():
        op.execute("ALTER TYPE mood ADD VALUE 'happy'")"""
USES_ENUM = """op.execute("CREATE TABLE moods AS SELECT 'happy'::mood AS mood")"""
SCHEMA = """op.execute("CREATE SCHEMA audit")
    op.create_table("entries", sa.Column("id", sa.BigInteger(), primary_key=True), schema="audit")"""
IN_BATCHES = """with op.get_context().autocommit_block():
        while op.get_bind().execute(sa.text(
            "UPDATE notes SET words = 0 WHERE id IN (SELECT id FROM notes WHERE words IS NULL LIMIT 2)"
        )).rowcount:
            pass"""
LONG = 'op.execute("SELECT pg_sleep(1)")'
FAILS_IN_PART = f"""with op.get_context().autocommit_block():
        op.execute("CREATE TABLE half (id int)")
    {FAILS}"""
NOTHING = "pass"
# What ends the transaction of the release, each after it has created a table.
COMMITS = {
    "in SQL": 'op.execute("CREATE TABLE half (id int); COMMIT")',
    "and begins again": 'op.execute("CREATE TABLE half (id int); COMMIT; BEGIN; SELECT 1")',
    "on the connection": """op.execute("CREATE TABLE half (id int)")
    op.get_bind().commit()""",
    "in batches": """op.execute("CREATE TABLE half (id int)")
    for _ in range(3):
        op.get_bind().commit()
        op.execute("INSERT INTO half VALUES (1)")""",
}
# Graphs of migrations after the first: what each of them does, and what it comes after or depends on.
type Graph = list[tuple[str, dict[str, Any]]]
GRAPHS: dict[str, Graph] = {
    "two branches": [(COLUMN, {"before": "0001"}), (SHAPE, {"before": "0001"})],
    "two branches and their merge": [
        (COLUMN, {"before": "0001"}),
        (SHAPE, {"before": "0001"}),
        (NOTHING, {"before": ("0002", "0003")}),
    ],
    "a branch that depends on the other": [
        (COLUMN, {}),
        (SHAPE, {"before": None, "label": "billing", "depends": "0002"}),
    ],
    "a branch on which the other depends": [
        (SHAPE, {"before": None, "label": "billing"}),
        (COLUMN, {"before": "0001", "depends": "0002"}),
    ],
    "a branch that goes on, though the other depends on it": [
        (COLUMN, {}),
        (NOTHING, {"before": None, "label": "billing", "depends": "0002"}),
        (SHAPE, {"before": "0002"}),
    ],
    "branches that depend on each other in turn": [
        (COLUMN, {}),
        (NOTHING, {"before": None, "label": "billing", "depends": "0002"}),
        (NOTHING, {"before": "0002", "depends": "0003"}),
        (SHAPE, {"before": "0003", "depends": "0004"}),
    ],
}
IN_GATE = ("branches that depend on each other in turn",)
AUDIT = '''


class Entry(Base):
    """What was done."""

    __tablename__ = "entries"
    __table_args__ = {"schema": "audit"}

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
'''
PER_MIGRATION = ("context.configure(", "context.configure(\n            transaction_per_migration=True,")
OWN_TABLE = ("context.configure(", 'context.configure(\n            version_table="versions_of_ours",')


@pytest.fixture(autouse=True)
def only_once(pristine: Project) -> None:
    """Leave Django to its own tests; the others have the same code."""
    if pristine.answers()["framework"] != "fastapi":
        pytest.skip("This is Alembic's, which knows nothing of the framework.")


def add(project: Project, *bodies: str, **options: Any) -> str:
    """Add migrations, each after the one before, as a user would, and return the last one's revision.

    `before`, `label` and `depends` are those of the first.
    """
    folder = project.package / "migrations" / "versions"
    for body in bodies:
        number = len(list(folder.glob("0*.py")))
        revision = f"{number + 1:04}"
        known = {"before": f"{number:04}", "label": None, "depends": None} | options
        (folder / f"{revision}_of_a_test.py").write_text(FILE.format(revision=revision, body=body, **known))
        options = {}
    return revision


def remove_last(project: Project) -> None:
    """Remove the last migration."""
    max((project.package / "migrations" / "versions").glob("0*.py")).unlink()


def change_environment(project: Project, change: tuple[str, str]) -> None:
    """Change env.py, which is the user's."""
    file = project.package / "migrations" / "env.py"
    assert change[0] in file.read_text()
    file.write_text(file.read_text().replace(*change))


def release(run: Run, project: Project, database: Database, status: int = 0, **variables: str) -> Event:
    """Release, and return the last event."""
    done = run("release", project=project, given={"DATABASE_URL": database.url, **variables})
    assert done.returncode == status, done.stdout + done.stderr
    event: Event = json.loads(done.stdout.splitlines()[-1])
    return event


def columns(database: Database) -> set[str]:
    """Return the columns of the notes."""
    return {row[1] for row in database.schema() if row[0] == "notes"}


def index_is_valid(database: Database) -> bool:
    """Tell whether the index is there and can be used."""
    return database.execute("SELECT indisvalid FROM pg_index WHERE indexrelid = 'by_words'::regclass") == [
        (True,)
    ]


def test_what_the_documentation_shows(run: Run, copied: Project, database: Database) -> None:
    """C-28, C-18: it runs, whatever a statement of `web` may take, and running it again changes nothing."""
    database.execute("INSERT INTO notes (text) SELECT 'old' FROM generate_series(1, 5)")
    last = add(copied, COLUMN, INDEX, IN_BATCHES, ENUM, USES_ENUM, SCHEMA, LONG)
    for _ in range(2):
        event = release(run, copied, database, DATABASE_STATEMENT_TIMEOUT_SECONDS="0.5")
        assert (event["event"], event["revision"]) == ("migrated", last)
    assert index_is_valid(database)
    assert database.execute("SELECT DISTINCT words FROM notes") == [(0,)]
    assert run("check", project=copied, DATABASE_URL=database.url).returncode == 0


@pytest.mark.parametrize("graph", named(GRAPHS, *IN_GATE))
def test_branches(run: Run, copied: Project, database: Database, graph: Graph, tmp_path: Path) -> None:
    """C-28, C-18: all heads are migrated to, `check` wants all of them, and a rollback keeps them."""
    *first, (body, options) = graph
    for each, after in first:
        add(copied, each, **after)
    release(run, copied, database)
    assert run("check", project=copied, DATABASE_URL=database.url).returncode == 0
    later = copied.copy(tmp_path / "later")
    add(later, body, **options)
    assert run("check", project=later, DATABASE_URL=database.url).returncode == 1
    for _ in range(2):
        assert release(run, later, database)["event"] == "migrated"
        assert run("check", project=later, DATABASE_URL=database.url).returncode == 0
    assert columns(database) >= {"colour", "shape"}
    assert release(run, copied, database)["event"] == "schema is ahead"
    assert run("check", project=copied, DATABASE_URL=database.url).returncode == 0


def test_a_failure_says_where_the_schema_stands(run: Run, copied: Project, database: Database) -> None:
    """C-18: all is as it was where Postgres can undo it; else the event names what is kept."""
    before = database.schema()
    add(copied, COLUMN, FAILS)
    assert "schema_is_at" not in release(run, copied, database, status=1)
    assert database.schema() == before
    remove_last(copied)
    last = add(copied, INDEX, SHAPE, FAILS)
    event = release(run, copied, database, status=1)
    assert event["event"] == "migration failed"
    assert event["schema_is_at"] == f"{int(last) - 2:04}"
    assert "in_part" not in event
    assert columns(database) & {"colour", "shape"} == {"colour"}
    assert index_is_valid(database)
    assert database.execute("SELECT version_num FROM alembic_version") == [(event["schema_is_at"],)]


@pytest.mark.parametrize("how", COMMITS)
def test_a_migration_that_commits(run: Run, copied: Project, database: Database, how: str) -> None:
    """C-18, C-28: it is done, with the ones before it, and the next release goes on from there."""
    last = add(copied, COLUMN, COMMITS[how], SHAPE, FAILS)
    event = release(run, copied, database, status=1)
    assert event["schema_is_at"] == f"{int(last) - 2:04}"
    assert "in_part" not in event
    assert database.execute("SELECT version_num FROM alembic_version") == [(event["schema_is_at"],)]
    assert columns(database) & {"colour", "shape"} == {"colour"}
    remove_last(copied)
    add(copied, INDEX)
    assert release(run, copied, database)["revision"] == last
    assert columns(database) >= {"colour", "shape"}
    assert database.execute("SELECT version_num FROM alembic_version") == [(last,)]


HALFWAY = {"with an autocommit_block": FAILS_IN_PART} | {
    how: f"{body}\n    {FAILS}" for how, body in COMMITS.items()
}


@pytest.mark.parametrize("how", HALFWAY)
def test_a_failure_halfway(run: Run, copied: Project, database: Database, how: str) -> None:
    """C-18: Postgres cannot undo what was committed."""
    add(copied, COLUMN, HALFWAY[how])
    event = release(run, copied, database, status=1)
    assert (event["schema_is_at"], event["in_part"]) == ("0002", "0003")
    assert any(row[0] == "half" for row in database.schema())


def test_the_environment_is_the_users(run: Run, copied: Project, database: Database) -> None:
    """C-28: a transaction for each migration, and a table of its own for where the schema stands."""
    change_environment(copied, PER_MIGRATION)
    add(copied, COLUMN, SHAPE, FAILS)
    event = release(run, copied, database, status=1)
    assert event["schema_is_at"] == "0003"
    assert "in_part" not in event
    database.execute("ALTER TABLE alembic_version RENAME TO versions_of_ours")
    change_environment(copied, OWN_TABLE)
    remove_last(copied)
    assert release(run, copied, database)["revision"] == "0003"
    assert run("check", project=copied, DATABASE_URL=database.url).returncode == 0


def test_a_rollback_with_tables_in_another_schema(
    run: Run, copied: Project, database: Database, tmp_path: Path
) -> None:
    """C-18: they are judged as those of the first schema are: the earlier release can use them, or not."""
    copied.append("models.py", AUDIT)
    add(copied, SCHEMA)
    later = copied.copy(tmp_path / "later")
    add(later, COLUMN)
    assert release(run, later, database)["revision"] == "0003"
    assert release(run, copied, database)["event"] == "schema is ahead"
    assert run("check", project=copied, DATABASE_URL=database.url).returncode == 0
    database.execute("DROP TABLE audit.entries")
    assert release(run, copied, database, status=1)["missing"] == ["audit.entries"]


def test_the_statements_may_be_printed(copied: Project, production: Path) -> None:
    """C-28: `--sql` wants no database, and writes what somebody else may run."""
    add(copied, COLUMN, INDEX)
    done = subprocess.run(
        [str(production / "bin" / "alembic"), "upgrade", "head", "--sql"],
        cwd=copied.path,
        env={"PATH": str(production / "bin")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "CREATE INDEX CONCURRENTLY by_words ON notes (words);" in done.stdout
    assert "SET version_num='0003'" in done.stdout


def test_one_release_at_a_time_outside_of_transactions_too(
    run: Run, copied: Project, database: Database
) -> None:
    """C-18: another one that is at work holds the turn, and an index waits for no lock of ours."""
    add(copied, INDEX)
    assert_it_waits_for_its_turn(database, lambda: release(run, copied, database))
    assert index_is_valid(database)
