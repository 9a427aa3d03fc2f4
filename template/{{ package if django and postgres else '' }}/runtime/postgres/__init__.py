"""Slipway's: kept current by `copier update`. Postgres: a bounded pool, made at the first use."""

from typing import Any

from django.db import connection, connections, transaction
from django.db.backends.postgresql.base import DatabaseWrapper
from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr

from .. import libpq
from ..services import Service
from .base import pool


def configuration(url: SecretStr) -> dict[str, Any]:
    """Return what DATABASES takes. libpq itself reads the URL, and so all that platforms put in."""
    options: dict[str, Any] = {**conninfo_to_dict(url.get_secret_value())}
    return {
        "ENGINE": __name__,
        "NAME": options.pop("dbname", None) or options.get("user", ""),
        "OPTIONS": options | libpq.CONNECTION,
        "ATOMIC_REQUESTS": True,  # committed before the response is sent
    }


class Postgres(Service):
    """The database of Django's ORM. A process has `pool_size` connections to it, and no more."""

    def __init__(self, url: SecretStr, *, pool_size: int, statement_timeout_seconds: float) -> None:
        connections.settings["default"].update(configuration(url))
        pool.size = pool_size
        pool.statement_timeout = round(statement_timeout_seconds * 1000)

    def ping(self) -> None:
        """Raise what keeps the database from serving."""
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SHOW transaction_read_only")
                if cursor.fetchone() == ("on",):
                    raise libpq.ReadOnlyError
                # More than it may take goes to a temporary file, which a full disk refuses.
                cursor.execute("SET LOCAL work_mem = 64")
                cursor.execute("SELECT count(*) FROM generate_series(1, 5000)")
        finally:
            connection.close()  # of this thread, whoever asks

    def outage(self, error: BaseException) -> str | None:
        """Say in a word or two why the database cannot serve; None if the error is another."""
        return libpq.outage(error)

    def close(self) -> None:
        """Close the connections of the pool."""
        connection.close()
        pool.close()


def leave_pool() -> None:
    """Give this thread a connection of its own, for as long as it runs."""
    connections["default"] = DatabaseWrapper(connection.settings_dict)
