"""Postgres: one bounded pool of connections a process, made at the first use and never before."""

from typing import Any

from django.db import connection, connections, transaction
from django.db.backends.postgresql.base import DatabaseWrapper
from psycopg.conninfo import conninfo_to_dict

from ...settings import Settings
from ..boot import setup
from ..libpq import CONNECTION, ReadOnlyError
from .base import POOL_SECONDS, pool


def configuration(settings: Settings) -> dict[str, Any]:
    """What DATABASES takes. libpq itself reads the URL, and so all that platforms put into it."""
    options: dict[str, Any] = {**conninfo_to_dict(settings.database_url.get_secret_value())}
    return {
        "ENGINE": __name__,
        "NAME": options.pop("dbname", None) or options.get("user", ""),
        "OPTIONS": options | CONNECTION,
        "ATOMIC_REQUESTS": True,  # committed before the response is sent
    }


class Database:
    """The connections of a process that serves or works."""

    def __init__(self, settings: Settings, patience: float | None = POOL_SECONDS) -> None:
        setup(settings)
        pool.size, pool.patience = settings.database_pool_size, patience
        pool.statement_timeout = round(settings.database_statement_timeout_seconds * 1000)

    def ping(self) -> None:
        """Raise what keeps the database from serving."""
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SHOW transaction_read_only")
                if cursor.fetchone() == ("on",):
                    raise ReadOnlyError
                # More than it may take goes to a temporary file, which a full disk refuses.
                cursor.execute("SET LOCAL work_mem = 64")
                cursor.execute("SELECT count(*) FROM generate_series(1, 5000)")
        finally:
            connection.close()  # of this thread, whoever asks

    def close(self) -> None:
        """Close the connections."""
        pool.close()


def leave_pool() -> None:
    """Give this thread a connection of its own, for as long as it runs."""
    connections["default"] = DatabaseWrapper(connection.settings_dict)
