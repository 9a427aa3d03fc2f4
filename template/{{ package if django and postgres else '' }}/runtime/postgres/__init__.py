"""Maintained by `copier update`. Postgres, as Django's ORM connects to it."""

import math
import threading
from typing import Any

from django.db import connection, connections, transaction
from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr

from .. import libpq
from ..services import Service

POOL_SECONDS = 0.9  # wait for a free connection; less than /readyz waits, so that it can say why
PARAMETERS = ("user", "password", "host", "port")  # as `dbshell` needs them


class Serving(threading.local):
    """Whether this thread serves requests or jobs, and so gives its connection back after each."""

    here = False


serving = Serving()


def serve() -> None:
    """Let this thread take its connections from the pool."""
    serving.here = True


def configuration(url: SecretStr) -> dict[str, Any]:
    """Return an entry of DATABASES. libpq reads the URL, so it accepts what platforms write."""
    options: dict[str, Any] = {**conninfo_to_dict(url.get_secret_value())}
    database = {name.upper(): options.pop(name, "") for name in PARAMETERS}
    return database | {
        "ENGINE": __name__,
        "NAME": options.pop("dbname", "") or database["USER"],
        "OPTIONS": options | libpq.CONNECTION,
        "ATOMIC_REQUESTS": True,  # committed before the response is sent
    }


class Postgres(Service):
    """The default database of Django's ORM.

    Once it is open, the threads that serve have at most `pool_size` connections to it. A thread
    that other code starts has a connection of its own until it ends, as Django says: a thread of a
    `ThreadPoolExecutor` lives on, and would keep its place in the pool. In commands and in a
    release, each thread has a connection of its own.
    """

    def __init__(self, url: SecretStr, *, pool_size: int, statement_timeout_seconds: float) -> None:
        self.url = url.get_secret_value()
        self.pool_options: dict[str, Any] = {"pool_size": pool_size, "timeout": POOL_SECONDS}
        self.statement_timeout_seconds = statement_timeout_seconds
        # Tests attach to another database than Django started with; `close` undoes that.
        default, place = connections.settings["default"], configuration(url)
        self.before = {**default}
        default |= {name: place[name] for name in ("NAME", *map(str.upper, PARAMETERS))}
        default["OPTIONS"] = default["OPTIONS"] | place["OPTIONS"]

    def wait_for_connections(self) -> None:
        """Let jobs wait for a free connection and for each statement: nobody waits for a job.

        Call it before `open`.
        """
        self.pool_options["timeout"] = None
        self.statement_timeout_seconds = math.inf

    def open(self) -> None:
        """Use the pool for new connections."""
        from .base import DatabaseWrapper  # it needs Django's settings

        libpq.Connection.patience = self.statement_timeout_seconds
        DatabaseWrapper.pool_options = self.pool_options

    def ping(self) -> None:
        """Raise an error if the database cannot serve."""
        serve()
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SHOW transaction_read_only")
                if cursor.fetchone() == ("on",):
                    raise libpq.ReadOnlyError
                # More than `work_mem` goes to a temporary file, which fails if the disk is full.
                cursor.execute("SET LOCAL work_mem = 64")
                cursor.execute("SELECT count(*) FROM generate_series(1, 5000)")
        finally:
            connection.close()  # the connection of this thread

    def outage(self, error: BaseException) -> str | None:
        """Return in a word or two why the database cannot serve; None for any other error."""
        return libpq.outage(error)

    def close(self) -> None:
        """Close the pool and this thread's connection, and undo what `__init__` changed."""
        from .base import DatabaseWrapper

        connection.close()
        DatabaseWrapper.pool_options = None
        for pool in DatabaseWrapper.pools.values():
            pool.dispose()
        connections.settings["default"] |= self.before
