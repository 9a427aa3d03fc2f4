"""Slipway's: kept current by `copier update`. Django's backend, on a pool of our own.

Django's own pool, psycopg's, connects in the background: while Postgres is away each request waits
for it to the end, learns no reason, and the pool is slow to try again.
"""

import threading
from collections import deque
from typing import Any

import psycopg
from django.db.backends.postgresql import base
from psycopg.pq import TransactionStatus

from ..libpq import NoFreeConnection

POOL_SECONDS = 0.9  # to wait for a free connection; less than what /readyz has, so that it can tell


class Pool:
    """Hands out no more connections than `size`; who asks for one makes it, if none is idle."""

    size = 5
    patience: float | None = POOL_SECONDS  # or None for as long as it takes
    statement_timeout = 0  # milliseconds, or 0 for none
    in_use = 0

    def __init__(self) -> None:
        self.idle: deque[psycopg.Connection[Any]] = deque()
        self.changed = threading.Condition()

    def get(self, parameters: dict[str, Any]) -> psycopg.Connection[Any]:
        """Return an idle connection that works, or a new one."""
        with self.changed:
            if not self.changed.wait_for(lambda: self.in_use < self.size, self.patience):
                raise NoFreeConnection
            self.in_use += 1
        try:
            while connection := self._pop():
                try:
                    connection.execute("")
                except psycopg.OperationalError:  # the server has closed it
                    connection.close()
                else:
                    return connection
            return self._connect(parameters)
        except BaseException:
            self._leave()
            raise

    def put(self, connection: psycopg.Connection[Any]) -> None:
        """Take a connection back."""
        if connection.info.transaction_status == TransactionStatus.IDLE:
            self.idle.append(connection)
        else:
            connection.close()
        self._leave()

    def close(self) -> None:
        """Close what is idle."""
        while connection := self._pop():
            connection.close()

    def _pop(self) -> psycopg.Connection[Any] | None:
        try:
            return self.idle.pop()
        except IndexError:
            return None

    def _connect(self, parameters: dict[str, Any]) -> psycopg.Connection[Any]:
        connection = psycopg.connect(**parameters, autocommit=True)
        if self.statement_timeout:  # not a start-up option: PgBouncer refuses those
            connection.execute(f"SET statement_timeout = {self.statement_timeout}")
        return connection

    def _leave(self) -> None:
        with self.changed:
            self.in_use -= 1
            self.changed.notify()


pool = Pool()


class DatabaseWrapper(base.DatabaseWrapper):
    """A thread's connection, which is the pool's again at the end of its request."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> psycopg.Connection[Any]:
        self.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
        return pool.get(conn_params)

    def _close(self) -> None:
        connection, self.connection = self.connection, None
        if connection:
            pool.put(connection)
