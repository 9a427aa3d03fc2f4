"""Maintained by `copier update`. `release`: bring the schema up to date.

Several releases at the same time wait for each other.
"""

import signal
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import structlog
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, event, text
from sqlalchemy.exc import SQLAlchemyError

from .postgres import Postgres

log = structlog.get_logger(__name__)

TURN_SECONDS = 600  # how long to wait for another release
LOCK_KEY = 0x5EED  # any number, the same for every release of this service


class Migrations:
    """The migrations at `location`, such as `orders:migrations`, and a database."""

    def __init__(self, postgres: Postgres, location: str) -> None:
        self.engine = postgres.unpooled_engine()
        self.location = location
        self.running = self.last = "the release before"
        self.transaction: int | None = None  # in which the running migration began
        self.kept: dict[str, str] = {}
        """The migrations that a failure cannot undo."""

    def upgrade(self, lock_timeout_seconds: float) -> int:
        """Migrate to all heads, and return the exit status.

        All migrations are one transaction, so a failure leaves the schema as it was. A migration
        that commits, such as one with an `autocommit_block`, commits the ones before it, and is
        committed before the next one; if it fails, the event says what is committed. In a
        transaction, a migration waits for the lock of a table for at most `lock_timeout_seconds`,
        because other queries wait behind it. After a rollback, the schema of the later release
        stays if this release can use it.
        """
        for signum in (signal.SIGTERM, signal.SIGINT):  # psycopg then cancels the statement
            signal.signal(signum, signal.default_int_handler)
        try:
            with self.engine.begin() as turn, self.engine.connect() as connection:
                _take(turn)
                if later := self._later(connection):
                    if missing := self._missing(connection):
                        log.critical("schema does not fit", revision=later, missing=missing)
                        return 1
                    log.warning("schema is ahead", revision=later)
                    return 0
                connection.rollback()  # because Alembic must begin the transaction itself
                self._watch(connection, lock_timeout_seconds)
                self._run(connection, self._steps, destination_rev="heads")
        except (Exception, KeyboardInterrupt):
            self._look_what_is_kept()
            log.critical("migration failed", exc_info=True, **self.kept)
            return 1
        log.info("migrated", revision=", ".join(self.scripts().get_heads()))
        return 0

    def _steps(self, heads: Any, context: MigrationContext) -> Iterator[Any]:
        # As in `alembic.command.upgrade`, which does not report its progress.
        connection: Any = context.connection
        for step in self.scripts()._upgrade_revs("heads", heads):
            self.running, self.transaction = step.revision.revision, _transaction(connection)
            yield step
            self.last = self.running
            if _transaction(connection) != self.transaction:  # it has committed
                connection.commit()  # the rest of it, and its revision
                context.begin_transaction()  # or env.py would commit the one that has ended
                self.kept = {"schema_is_at": self.last}

    def _watch(self, connection: Connection, lock_timeout: float) -> None:
        @event.listens_for(connection, "begin")
        def note(connection: Connection) -> None:
            if connection.get_execution_options().get("isolation_level") == "AUTOCOMMIT":
                self.kept = {"schema_is_at": self.last, "in_part": self.running}
            else:
                _set_lock_timeout(connection, lock_timeout)

    def _look_what_is_kept(self) -> None:
        """Find out whether the migration that failed has committed, which it may do in SQL, too."""
        if self.transaction is None:
            return
        status = text(f"SELECT txid_status({self.transaction})")
        with suppress(SQLAlchemyError), self.engine.connect() as connection:
            if connection.scalar(status) == "committed":
                self.kept = {"schema_is_at": self.last}
                if self.running != self.last:
                    self.kept["in_part"] = self.running

    def are_missing(self) -> bool:
        """Log and return whether the schema lacks what this release needs."""
        with self.engine.connect() as connection:
            if self._later(connection):
                behind = bool(self._missing(connection))
            else:
                # The database does not store a head on which another revision depends.
                heads: Any = tuple(self._heads(connection))
                behind = bool(self.scripts()._upgrade_revs("heads", heads))
        if behind:
            log.error("schema is behind", missing="run `release`")
        return behind

    def configuration(self, connection: Connection | None = None) -> Config:
        """Return the configuration of Alembic's commands, which run on this connection."""
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", self.location)
        return config

    def scripts(self) -> ScriptDirectory:
        """Return the migrations of this release."""
        return ScriptDirectory.from_config(self.configuration())

    def _run(self, connection: Connection, work: Any, **options: Any) -> None:
        """Run `work` in Alembic's environment, which env.py sets up."""
        configuration = self.configuration(connection)
        with EnvironmentContext(configuration, self.scripts(), fn=work, **options):
            self.scripts().run_env()

    def _heads(self, connection: Connection) -> set[str]:
        """Return the revisions of the database, which env.py may keep in a table of its own."""
        found: set[str] = set()

        def look(heads: Any, _context: MigrationContext) -> list[Any]:
            found.update(heads)
            return []

        self._run(connection, look, dont_mutate=True)
        return found

    def _later(self, connection: Connection) -> str:
        """Name the revisions of the database that this release does not have."""
        known = {script.revision for script in self.scripts().walk_revisions()}
        return ", ".join(sorted(self._heads(connection) - known))

    def _missing(self, connection: Connection) -> list[str]:
        """Name the tables and columns of the models that the database does not have."""
        missing: list[str] = []

        def compare(_heads: Any, context: MigrationContext) -> list[Any]:
            context.opts["include_schemas"] = True
            for change in compare_metadata(context, context.opts["target_metadata"]):
                match change:
                    case ("add_table", table):
                        missing.append(table.fullname)
                    case ("add_column", schema, table, column):
                        missing.append(".".join(filter(None, (schema, table, column.name))))
            return []

        self._run(connection, compare, dont_mutate=True)
        return missing


def _take(turn: Connection) -> None:
    """Wait for other releases, and make them wait until this transaction ends."""
    _set_lock_timeout(turn, TURN_SECONDS)
    turn.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK_KEY})
    # Last, because it ends the portal of the SELECT, and with it the snapshot for which
    # CREATE INDEX CONCURRENTLY would wait.
    turn.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))


def _transaction(connection: Connection) -> int:
    """Return the id of the current transaction."""
    return int(connection.scalar(text("SELECT txid_current()")) or 0)


def _set_lock_timeout(connection: Connection, seconds: float) -> None:
    connection.execute(text(f"SET LOCAL lock_timeout = {round(seconds * 1000)}"))
