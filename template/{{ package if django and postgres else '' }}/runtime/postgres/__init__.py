"""Postgres: one bounded pool of connections a process, made at the first use and never before."""

from typing import Any

from django.db import connection, transaction
from psycopg.conninfo import conninfo_to_dict

from ...settings import Settings
from ..boot import setup
from ..libpq import CONNECTION, ReadOnlyError
from .base import Connection, DatabaseWrapper

POOL_SECONDS = 0.9  # to wait for a free connection; less than what /readyz has, so that it can tell


def configuration(settings: Settings) -> dict[str, Any]:
    """What DATABASES takes. libpq itself reads the URL, and so all that platforms put into it."""
    options: dict[str, Any] = {**conninfo_to_dict(settings.database_url.get_secret_value())}
    names = ("user", "password", "host", "port")  # as `dbshell` wants them
    database = {name.upper(): options.pop(name, "") for name in names}
    return database | {
        "ENGINE": __name__,
        "NAME": options.pop("dbname", "") or database["USER"],
        "OPTIONS": options | CONNECTION,
        "ATOMIC_REQUESTS": True,  # committed before the response is sent
    }


class Database:
    """The connections of a process that serves or works."""

    def __init__(self, settings: Settings, patience: float | None = POOL_SECONDS) -> None:
        setup(settings)
        Connection.patience = settings.database_statement_timeout_seconds
        size = settings.database_pool_size
        DatabaseWrapper.pool_options = {"pool_size": size, "timeout": patience}

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
        for pool in DatabaseWrapper.pools.values():
            pool.dispose()
