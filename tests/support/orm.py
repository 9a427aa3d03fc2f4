"""Code that the tests write for an ORM, as a user of the service would: migrations, a column, notes."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import psycopg

from extensions.context import ON_WSGI

from .postgres import Database
from .project import Project
from .service import Event, eventually

ALEMBIC = '''"""A migration of a test."""

from alembic import op

revision = "{number:04}"
down_revision = "{before}"


def upgrade() -> None:
    execute = op.execute
    {code}
'''
DJANGO = '''"""A migration of a test."""

from django.db import migrations


def change(apps, editor):
    execute = editor.execute
    {code}


class Migration(migrations.Migration):
    dependencies = [("{package}", "{before}")]
    operations = [migrations.RunPython(change)]
'''
SESSION = """
import asyncio
from {package}.db import transaction
from {package}.jobs import count_words
from {package}.models import Note
from {package}.runtime.outbox import enqueue

async def write():
    for text in ("rolled back", "kept and counted"):
        try:
            async with transaction() as session:
                note = Note(text=text)
                session.add(note)
                await session.flush()
                enqueue(session, {job})
                if text == "rolled back":
                    raise KeyError
        except KeyError:
            pass
    await services.close()

asyncio.run(write())
"""
MANAGER = """
from django.db import transaction
from {package}.jobs import count_words
from {package}.runtime.outbox import enqueue

for text in ("rolled back", "kept and counted"):
    try:
        with transaction.atomic():
            note = Note.objects.create(text=text)
            enqueue({job})
            if text == "rolled back":
                raise KeyError
    except KeyError:
        pass
"""


@dataclass(frozen=True)
class Orm:
    """How one ORM writes what both can do."""

    migrations: str
    """The folder of its migrations, in the package."""
    migration: str
    """A migration that runs `code`. In this code, `execute` runs SQL."""
    column: str
    """Another column for notes, to append to models.py."""
    note: str
    """Code for the shell that stores the note "of the shell"."""
    two_notes: str
    """Code for the shell that enqueues `job` for two notes, and rolls back the first."""


SQLALCHEMY = Orm(
    migrations="migrations/versions",
    migration=ALEMBIC,
    column="    colour: Mapped[str | None] = mapped_column(Text)\n",
    note="""
from sqlalchemy import text
session.execute(text("INSERT INTO notes (text) VALUES ('of the shell')"))
session.commit()
""",
    two_notes=SESSION,
)
BLOCKING = Orm(
    **{
        **vars(SQLALCHEMY),
        "two_notes": SESSION.replace("asyncio.run(write())", "write()")
        .replace("async ", "")
        .replace("await ", ""),
    }
)
OF_DJANGO = Orm(
    migrations="migrations",
    migration=DJANGO,
    column='\n    colour = models.TextField(blank=True, default="")\n',
    note='Note.objects.create(text="of the shell")\n',
    two_notes=MANAGER,
)


def orm(project: Project) -> Orm:
    """Return the code for this project's ORM."""
    framework = project.answers()["framework"]
    if framework == "django":
        return OF_DJANGO
    return BLOCKING if framework in ON_WSGI else SQLALCHEMY


def migrations(project: Project) -> list[Path]:
    """Return the files of the service's own migrations, in order."""
    return sorted((project.package / orm(project).migrations).glob("[0-9][0-9][0-9][0-9]*.py"))


def add_migration(project: Project, code: str) -> None:
    """Add a migration, as a user would."""
    known = migrations(project)
    number = len(known) + 1
    before = f"{number - 1:04}" if orm(project) is not OF_DJANGO else known[-1].stem
    text = orm(project).migration.format(number=number, before=before, package=project.name, code=code)
    (known[-1].parent / f"{number:04}.py").write_text(text)


def assert_it_waits_for_its_turn(database: Database, release: Callable[[], Event]) -> None:
    """Assert that a release creates the index `by_words` only after a concurrent release has ended."""
    with psycopg.connect(database.url) as other:
        other.execute("SELECT pg_advisory_xact_lock(%s)", [0x5EED])
        waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'advisory'"
        with ThreadPoolExecutor() as pool:
            released = pool.submit(release)
            eventually(lambda: bool(database.execute(waiting)), "release that waits")
            assert not database.execute("SELECT 1 FROM pg_indexes WHERE indexname = 'by_words'")
            other.rollback()
            assert released.result()["event"] == "migrated"
