"""Maintained by `copier update`. Django's Postgres backend, on SQLAlchemy's pool.

A transaction begins at its first query.

The pool of Django 6.1 (psycopg's) connects in the background: while Postgres is away, each request
waits for its whole timeout and gets no reason, and a test may get connections to another database.
"""

import os
import threading
from functools import partial
from typing import Any

import psycopg
from django.db import connections
from django.db.backends.postgresql import base
from django.db.transaction import TransactionManagementError
from psycopg import IsolationLevel
from psycopg.errors import ConnectionTimeout
from sqlalchemy import NullPool, Pool, event
from sqlalchemy.exc import DisconnectionError, InvalidatePoolError

from ..libpq import ANSWER_SECONDS, Connection, has_failed, is_left_behind
from ..pool import FairPool
from . import serving

_taken = threading.local()  # a thread's connection; it goes back to the pool when the thread ends


class DatabaseWrapper(base.DatabaseWrapper):
    """A thread's connection, from its first query to the end of its request or the thread."""

    pool_options: dict[str, Any] | None = None  # None: without a pool, as in commands and tests
    pools: dict[tuple[str, str], FairPool] = {}  # noqa: RUF012, by the database and its parameters

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        if self.pool_options is None:
            return super().get_new_connection(conn_params)
        self.close_at = 0  # the pool keeps connections, whatever CONN_MAX_AGE is
        place = self._pool(conn_params).connect()
        vars(_taken)[str(id(self))] = place
        connection: Any = place.dbapi_connection
        level = self.settings_dict["OPTIONS"].get("isolation_level")
        connection.isolation_level = level and IsolationLevel(level)
        self.isolation_level = connection.isolation_level or IsolationLevel.READ_COMMITTED
        return connection

    def _pool(self, conn_params: dict[str, Any]) -> Pool:
        creator: Any = partial(Connection.connect, **conn_params, autocommit=True)
        if not serving.here:
            return NullPool(creator)  # the thread may live on without using its connection
        key = self.alias, str([each for each in conn_params.items() if type(each[1]) in (int, str)])
        if key not in self.pools:
            pool = FairPool(creator, max_overflow=0, use_lifo=True, **self.pool_options or {})
            event.listen(pool, "checkout", _check)
            self.pools.setdefault(key, pool)
        return self.pools[key]

    def _close(self) -> None:
        if place := vars(_taken).pop(str(id(self)), None):
            (place.invalidate if place.dbapi_connection.closed else place.close)()
        else:
            super()._close()  # type: ignore[misc]  # django-stubs lacks it

    def _commit(self) -> None:
        if self.connection and has_failed(self.connection):
            raise TransactionManagementError("A statement failed, so Postgres would roll back.")
        super()._commit()  # type: ignore[misc]  # django-stubs lacks it

    def set_rollback(self, rollback: bool) -> None:
        super().set_rollback(rollback)
        self.rollback_exc = None  # the code has decided, so the block need not raise an error

    # `atomic` takes no connection; its first query takes one, and begins the transaction.

    def get_autocommit(self) -> bool:
        if self.connection is None:
            return not self.in_atomic_block and bool(self.settings_dict["AUTOCOMMIT"])
        return super().get_autocommit()

    def set_autocommit(
        self, autocommit: bool, force_begin_transaction_with_broken_autocommit: bool = False
    ) -> None:
        by_atomic = autocommit or force_begin_transaction_with_broken_autocommit
        if self.connection is not None or not by_atomic:
            super().set_autocommit(autocommit, force_begin_transaction_with_broken_autocommit)
        elif not autocommit:
            self.closed_in_transaction, self.rollback_exc, self.run_on_commit = False, None, []
        elif self.run_commit_hooks_on_set_autocommit_on:
            self.run_and_clear_commit_hooks()
            self.run_commit_hooks_on_set_autocommit_on = False

    def connect(self) -> None:
        block = {name: getattr(self, name) for name in BLOCK} if self.in_atomic_block else {}
        try:
            super().connect()
            if block:
                super().set_autocommit(False)
        except Exception as error:
            block |= {"needs_rollback": True, "rollback_exc": error} if block else {}
            raise
        finally:
            vars(self).update(block)


# The attributes that `atomic` has set before it connects, and that Django 6.1 then resets.
BLOCK = ("in_atomic_block", "atomic_blocks", "savepoint_ids", "needs_rollback", "run_on_commit")


def _leave() -> None:
    """Let a process that was forked connect anew: what it has inherited is its parent's."""
    DatabaseWrapper.pools = {}
    vars(_taken).clear()
    for wrapper in connections.all(initialized_only=True):
        del connections[wrapper.alias]


os.register_at_fork(after_in_child=_leave)


def _check(connection: Connection, _record: Any, _place: Any) -> None:
    """Renew the pool if the server has closed a connection: it may have closed all of them."""
    connection.patience = ANSWER_SECONDS
    try:
        connection.autocommit = True  # a thread may have ended within a transaction
        connection.execute("")
    except ConnectionTimeout:
        raise
    except psycopg.Error as error:
        raise InvalidatePoolError from error
    finally:
        del connection.patience
    if is_left_behind(connection):
        raise DisconnectionError
