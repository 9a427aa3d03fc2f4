"""Slipway's: kept current by `copier update`. `release`: bring the schema up to date.

Several releases at the same time wait for each other.
"""

import signal
from typing import Any

import structlog
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from .postgres import Postgres

log = structlog.get_logger(__name__)

TURN_SECONDS = 600  # to wait for another release that is at work
LOCK_KEY = 0x5EED  # any number, the same for every release of this service


class Migrations:
    """The migrations at `location`, such as `orders:migrations`, and a database."""

    def __init__(self, postgres: Postgres, location: str) -> None:
        self.engine = postgres.unpooled_engine()
        self.location = location

    def upgrade(self, lock_timeout_seconds: float) -> int:
        """Migrate, and return the exit status.

        All is one transaction: a migration that fails leaves the schema as it was. A migration
        waits for a table's lock `lock_timeout_seconds` at most, since others wait behind it.
        After a rollback the schema is that of a later release, and stays so if this one can use it.
        """
        for signum in (signal.SIGTERM, signal.SIGINT):  # psycopg then cancels the statement
            signal.signal(signum, signal.default_int_handler)
        try:
            with self.engine.begin() as connection:
                _set_lock_timeout(connection, TURN_SECONDS)
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK_KEY})
                _set_lock_timeout(connection, lock_timeout_seconds)
                if later := self._later(connection):
                    if missing := self._missing(connection):
                        log.critical("schema does not fit", revision=later, missing=missing)
                        return 1
                    log.warning("schema is ahead", revision=later)
                    return 0
                command.upgrade(self.configuration(connection), "head")
        except (Exception, KeyboardInterrupt):
            log.critical("migration failed", exc_info=True)
            return 1
        log.info("migrated", revision=self.scripts().get_current_head())
        return 0

    def are_missing(self) -> bool:
        """Log and return whether the schema lacks what this release needs."""
        with self.engine.connect() as connection:
            if self._later(connection):
                behind = bool(self._missing(connection))
            else:
                behind = set(_heads(connection)) != set(self.scripts().get_heads())
        if behind:
            log.error("schema is behind", missing="run `release`")
        return behind

    def configuration(self, connection: Connection | None = None) -> Config:
        """Return what Alembic's commands take; they run on this connection, in its transaction."""
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", self.location)
        return config

    def scripts(self) -> ScriptDirectory:
        """Return the migrations of this release."""
        return ScriptDirectory.from_config(self.configuration())

    def _later(self, connection: Connection) -> str:
        """Name the migrations that the database stands at, and this release does not have."""
        known = {script.revision for script in self.scripts().walk_revisions()}
        return ", ".join(sorted(set(_heads(connection)) - known))

    def _missing(self, connection: Connection) -> list[str]:
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

        with EnvironmentContext(self.configuration(connection), self.scripts(), fn=compare):
            self.scripts().run_env()
        return missing


def _heads(connection: Connection) -> tuple[str, ...]:
    return MigrationContext.configure(connection).get_current_heads()


def _set_lock_timeout(connection: Connection, seconds: float) -> None:
    connection.execute(text(f"SET LOCAL lock_timeout = {round(seconds * 1000)}"))
