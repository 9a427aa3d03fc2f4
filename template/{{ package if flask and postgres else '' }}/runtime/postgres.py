"""Postgres: one bounded pool of connections a process, made at the first use and never before."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import psycopg
from sqlalchemy import Engine, NullPool, create_engine, event, text
from sqlalchemy.orm import Session, sessionmaker

from ..settings import Settings
from .libpq import CONNECTION, ReadOnlyError

POOL_SECONDS = 0.9  # to wait for a free connection; less than what /readyz has, so that it can tell


class Database:
    """The engine of a process and its sessions."""

    def __init__(self, settings: Settings) -> None:
        url = settings.database_url.get_secret_value()
        self.engine = create_engine(
            "postgresql+psycopg://",
            # libpq reads the URL itself, and so takes all that platforms put into it.
            creator=partial(psycopg.connect, url, **CONNECTION),
            pool_size=settings.database_pool_size,
            max_overflow=0,
            pool_timeout=POOL_SECONDS,
            pool_pre_ping=True,  # a connection that the server has closed is replaced unseen
        )
        self.sessions = sessionmaker(self.engine, expire_on_commit=False)
        timeout = round(settings.database_statement_timeout_seconds * 1000)

        @event.listens_for(self.engine, "connect")
        def limit_statements(connection: Any, _record: Any) -> None:
            # Not a start-up option: PgBouncer refuses those.
            connection.cursor().execute(f"SET statement_timeout = {timeout}")
            connection.commit()

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Commit at the end of the block, or roll back on an error."""
        with self.sessions.begin() as session:
            yield session

    def ping(self) -> None:
        """Raise what keeps the database from serving."""
        with self.engine.connect() as connection:
            if connection.scalar(text("SHOW transaction_read_only")) == "on":
                raise ReadOnlyError
            # More than the memory it may take goes to a temporary file, which a full disk refuses.
            connection.execute(text("SET LOCAL work_mem = 64"))
            connection.execute(text("SELECT count(*) FROM generate_series(1, 5000)"))

    def close(self) -> None:
        """Return the connections."""
        self.engine.dispose()


def sync_engine(settings: Settings) -> Engine:
    """An engine for one-off processes, without a pool."""
    url = settings.database_url.get_secret_value()
    connect = partial(psycopg.connect, url, **CONNECTION)
    return create_engine("postgresql+psycopg://", creator=connect, poolclass=NullPool)
