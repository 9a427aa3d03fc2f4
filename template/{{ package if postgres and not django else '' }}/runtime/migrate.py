"""`release`: bring the schema up to date, once, whoever else tries at the same time."""

import signal
from pathlib import Path
from typing import Any

import structlog
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from .. import migrations
from ..settings import Settings
from .postgres import sync_engine

log = structlog.get_logger(__name__)

TURN_SECONDS = 600  # to wait for another release that is at work
LOCK_KEY = 0x5EED  # any number, the same for every release of this service


def run(settings: Settings) -> int:
    """Migrate, and return the exit status.

    All is one transaction: a migration that fails leaves the schema as it was. A migration waits
    for a table's lock MIGRATION_LOCK_TIMEOUT_SECONDS at most, since all who come later wait behind.
    After a rollback the schema is that of a later release, and stays so if this one can use it.
    """
    for signum in (signal.SIGTERM, signal.SIGINT):  # psycopg then cancels the statement
        signal.signal(signum, signal.default_int_handler)
    try:
        with sync_engine(settings).begin() as connection:
            _set_lock_timeout(connection, TURN_SECONDS)
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK_KEY})
            _set_lock_timeout(connection, settings.migration_lock_timeout_seconds)
            if later := _later(connection):
                if missing := _missing(connection):
                    log.critical("schema does not fit", revision=later, missing=missing)
                    return 1
                log.warning("schema is ahead", revision=later)
                return 0
            command.upgrade(configuration(connection), "head")
    except (Exception, KeyboardInterrupt):
        log.critical("migration failed", exc_info=True)
        return 1
    log.info("migrated", revision=_scripts().get_current_head())
    return 0


def is_behind(settings: Settings) -> bool:
    """Whether the schema lacks what this release needs."""
    with sync_engine(settings).connect() as connection:
        if _later(connection):
            return bool(_missing(connection))
        return set(_heads(connection)) != set(_scripts().get_heads())


def configuration(connection: Connection | None = None) -> Config:
    """What alembic's commands take; they run on this connection and in its transaction."""
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    return config


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(configuration())


def _heads(connection: Connection) -> tuple[str, ...]:
    return MigrationContext.configure(connection).get_current_heads()


def _later(connection: Connection) -> str:
    """Name the migrations that the database stands at, and this release does not have."""
    known = {script.revision for script in _scripts().walk_revisions()}
    return ", ".join(sorted(set(_heads(connection)) - known))


def _missing(connection: Connection) -> list[str]:
    """Name the tables and columns of the models that the database does not have."""
    missing: list[str] = []

    def compare(_revision: str, context: MigrationContext) -> list[Any]:
        for change in compare_metadata(context, context.opts["target_metadata"]):
            match change:
                case ("add_table", table):
                    missing.append(table.name)
                case ("add_column", _, table, column):
                    missing.append(f"{table}.{column.name}")
        return []

    with EnvironmentContext(configuration(connection), _scripts(), fn=compare):
        _scripts().run_env()
    return missing


def _set_lock_timeout(connection: Connection, seconds: float) -> None:
    connection.execute(text(f"SET LOCAL lock_timeout = {round(seconds * 1000)}"))
