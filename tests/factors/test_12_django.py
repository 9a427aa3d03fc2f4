"""XII. Admin processes: migrations as Django's documentation writes them (C-18, C-28)."""

import json

import pytest

from tests.conftest import Run
from tests.support.orm import assert_it_waits_for_its_turn
from tests.support.postgres import Database
from tests.support.project import Project
from tests.support.service import Event

pytestmark = pytest.mark.database

INDEX = """
    atomic = False
    operations = [
        AddIndexConcurrently("note", models.Index(fields=["words"], name="by_words")),
    ]
"""
COLUMN = """
    operations = [migrations.AddField("note", "colour", models.TextField(null=True))]
"""
IN_BATCHES = """
    atomic = False
    operations = [migrations.RunPython(in_batches, migrations.RunPython.noop)]
"""
FAILS = """
    operations = [migrations.RunSQL("SELECT 1 / 0")]
"""
FAILS_IN_PART = """
    atomic = False
    operations = [migrations.RunSQL("CREATE TABLE half (id int)"), migrations.RunSQL("SELECT 1 / 0")]
"""
HALF = "CREATE TABLE half (id int)"
HALFWAY = {
    "without a transaction": FAILS_IN_PART,
    "with SQL that commits": f'''
    operations = [migrations.RunSQL("{HALF}; COMMIT")]
''',
    "with SQL that commits and begins again": f'''
    operations = [migrations.RunSQL("{HALF}; COMMIT; BEGIN; SELECT 1")]
''',
}
SWALLOWS = """
    atomic = False
    operations = [migrations.RunPython(swallows, atomic=True)]
"""
CHILDREN = """
    operations = [
        migrations.CreateModel(
            "child",
            [
                ("id", models.BigAutoField(primary_key=True)),
                ("note", models.ForeignKey("note", models.CASCADE)),
            ],
        ),
    ]
"""
ROWS = """
    operations = [migrations.RunPython(rows)]
"""
ALTERED = """
    operations = [migrations.AddField("child", "age", models.IntegerField(null=True))]
"""
ENUM = """
    atomic = False
    operations = [
        migrations.RunSQL("CREATE TYPE mood AS ENUM ('sad')"),
        migrations.RunSQL("ALTER TYPE mood ADD VALUE 'happy'"),
    ]
"""
NEW_VALUE = """
    operations = [migrations.RunSQL("ALTER TYPE mood ADD VALUE 'happy'")]
"""
USES_ENUM = """
    operations = [migrations.RunSQL("CREATE TABLE moods AS SELECT 'happy'::mood AS mood")]
"""
FILE = """from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import IntegrityError, migrations, models, transaction


def in_batches(apps, schema_editor):
    Note = apps.get_model("{package}", "Note")
    while Note.objects.filter(words=None).exists():
        with transaction.atomic():
            for row in Note.objects.filter(words=None)[:2]:
                row.words = 0
                row.save()


def rows(apps, schema_editor):
    note = apps.get_model("{package}", "Note").objects.create(text="one", words=1)
    apps.get_model("{package}", "Child").objects.create(note=note)


def swallows(apps, schema_editor):
    Note = apps.get_model("{package}", "Note")
    note = Note.objects.create(text="first", words=1)
    try:
        Note.objects.create(id=note.id, text="second", words=1)
    except IntegrityError:
        pass


class Migration(migrations.Migration):
    dependencies = [("{package}", "{before}")]
{body}"""


@pytest.fixture(autouse=True)
def only_django(pristine: Project) -> None:
    """Leave the other frameworks to their own tests."""
    if pristine.answers()["framework"] != "django":
        pytest.skip("This is Django's.")


def add(project: Project, *bodies: str) -> None:
    """Add migrations, as a user would."""
    folder = project.package / "migrations"
    for body in bodies:
        before = max(path.stem for path in folder.glob("0*.py"))
        name = f"{int(before[:4]) + 1:04}_of_a_test"
        (folder / f"{name}.py").write_text(FILE.format(package=project.name, before=before, body=body))


def release(run: Run, project: Project, database: Database, status: int = 0) -> Event:
    """Release, and return the last event."""
    done = run("release", project=project, DATABASE_URL=database.url)
    assert done.returncode == status, done.stdout + done.stderr
    event: Event = json.loads(done.stdout.splitlines()[-1])
    return event


@pytest.mark.parametrize(
    "bodies",
    [(INDEX,), (COLUMN, INDEX, IN_BATCHES), (CHILDREN, ROWS, ALTERED), (ENUM, USES_ENUM)],
    ids=["concurrently", "in batches", "data, then its table", "a new value of a type"],
)
def test_what_the_documentation_shows(
    run: Run, copied: Project, database: Database, bodies: tuple[str, ...]
) -> None:
    """C-28, C-18: it runs, and running it again changes nothing."""
    database.execute("INSERT INTO notes (text) SELECT 'old' FROM generate_series(1, 5)")
    add(copied, *bodies)
    assert len(release(run, copied, database)["migrations"]) == len(bodies)
    assert release(run, copied, database)["migrations"] == []


def test_a_failure_says_where_the_schema_stands(run: Run, copied: Project, database: Database) -> None:
    """C-18: all is as it was where Postgres can undo it; else the event names what is kept."""
    add(copied, COLUMN, INDEX, COLUMN.replace("colour", "shape"), FAILS)
    event = release(run, copied, database, status=1)
    assert event["event"] == "migration failed"
    assert event["schema_is_at"].endswith("0003_of_a_test")
    assert "in_part" not in event
    columns = {row[1] for row in database.schema() if row[0] == "notes"}
    assert "colour" in columns
    assert "shape" not in columns


@pytest.mark.parametrize("how", HALFWAY)
def test_a_failure_halfway(run: Run, copied: Project, database: Database, how: str) -> None:
    """C-18: Postgres cannot undo what was committed."""
    add(copied, COLUMN, HALFWAY[how])
    event = release(run, copied, database, status=1)
    assert event["schema_is_at"].endswith("0002_of_a_test")
    assert event["in_part"].endswith("0003_of_a_test")
    assert any(row[0] == "half" for row in database.schema())


def test_a_new_value_of_a_type_in_one_transaction(run: Run, copied: Project, database: Database) -> None:
    """C-18: Postgres cannot use it there, and the event says what to set."""
    database.execute("CREATE TYPE mood AS ENUM ('sad')")
    add(copied, NEW_VALUE, USES_ENUM)
    assert "`atomic = False`" in release(run, copied, database, status=1)["hint"]


def test_a_migration_that_swallows_an_error(run: Run, copied: Project, database: Database) -> None:
    """C-18: it is not recorded as done, because Postgres has rolled it back."""
    add(copied, SWALLOWS)
    assert "rolled back" in release(run, copied, database, status=1)["exception"]
    assert database.execute("SELECT FROM django_migrations WHERE name LIKE '%of_a_test'") == []


def test_a_failure_in_a_transaction_keeps_nothing(run: Run, copied: Project, database: Database) -> None:
    """C-18: and says nothing of a migration."""
    before = database.schema()
    add(copied, COLUMN, FAILS)
    assert "schema_is_at" not in release(run, copied, database, status=1)
    assert database.schema() == before


def test_one_release_at_a_time_outside_of_transactions_too(
    run: Run, copied: Project, database: Database
) -> None:
    """C-18: another one that is at work holds the turn, and an index waits for no lock of ours."""
    add(copied, INDEX)
    assert_it_waits_for_its_turn(database, lambda: release(run, copied, database))
    assert database.execute("SELECT 1 FROM pg_indexes WHERE indexname = 'by_words'")
