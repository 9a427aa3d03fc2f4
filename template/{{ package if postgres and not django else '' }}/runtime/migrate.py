"""`release`: bring the schema up to date, once, whoever else tries at the same time."""

import signal
from pathlib import Path

import structlog
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
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
    """
    for signum in (signal.SIGTERM, signal.SIGINT):  # psycopg then cancels the statement
        signal.signal(signum, signal.default_int_handler)
    try:
        with sync_engine(settings).begin() as connection:
            _set_lock_timeout(connection, TURN_SECONDS)
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK_KEY})
            _set_lock_timeout(connection, settings.migration_lock_timeout_seconds)
            command.upgrade(configuration(connection), "head")
    except (Exception, KeyboardInterrupt):
        log.critical("migration failed", exc_info=True)
        return 1
    log.info("migrated", revision=_scripts().get_current_head())
    return 0


def is_behind(settings: Settings) -> bool:
    """Whether migrations of this release have not been run."""
    with sync_engine(settings).connect() as connection:
        heads = MigrationContext.configure(connection).get_current_heads()
    return set(heads) != set(_scripts().get_heads())


def configuration(connection: Connection | None = None) -> Config:
    """What alembic's commands take; they run on this connection and in its transaction."""
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    return config


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(configuration())


def _set_lock_timeout(connection: Connection, seconds: float) -> None:
    connection.execute(text(f"SET LOCAL lock_timeout = {round(seconds * 1000)}"))
