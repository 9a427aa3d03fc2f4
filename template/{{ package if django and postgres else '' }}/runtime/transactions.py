"""Maintained by `copier update`. The transactions of views.

A 2xx means that everything is committed.
"""

from functools import wraps
from inspect import iscoroutinefunction
from types import TracebackType
from typing import Any

from django.core.handlers.wsgi import WSGIHandler
from django.db import DEFAULT_DB_ALIAS, close_old_connections, connections, transaction
from django.db.transaction import TransactionManagementError
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from .libpq import has_failed
from .postgres import serve


class Handler(WSGIHandler):
    """Runs views as ATOMIC_REQUESTS and `non_atomic_requests` say; an error rolls back."""

    def __call__(self, environ: Any, start_response: Any) -> Any:
        """Answer, and keep no connection after that, whatever a receiver of a signal queries."""
        serve()
        try:
            response: Any = super().__call__(environ, start_response)
        except BaseException:  # such as SystemExit
            close_old_connections()
            raise
        close = response.close

        def close_all() -> None:
            try:
                close()
            finally:
                close_old_connections()

        response.close = close_all
        return response

    def get_response(self, request: HttpRequest) -> HttpResponseBase:
        response = super().get_response(request)
        if not response.streaming:
            close_old_connections()  # or a client that reads slowly would keep them
        return response

    def make_view_atomic(self, view: Any) -> Any:
        if iscoroutinefunction(view):  # Django refuses it, unless it is `non_atomic_requests`
            apart = DEFAULT_DB_ALIAS in getattr(view, "_non_atomic_requests", ())
            return view if apart else super().make_view_atomic(view)

        @wraps(view)
        def judged(request: HttpRequest, *arguments: Any, **named: Any) -> Any:
            response: HttpResponseBase | None = view(request, *arguments, **named)
            for connection in connections.all(initialized_only=True):
                if connection.in_atomic_block:
                    _judge(connection, response)
            return response

        return super().make_view_atomic(judged)


def _judge(connection: Any, response: HttpResponseBase | None) -> None:
    """Roll back for a view that claims nothing, and raise if one claims what it has not written.

    A view that answers 4xx or 5xx does not claim that it has written anything.
    """
    if response is None:  # Django complains of it
        connection.set_rollback(True)
    elif response.status_code >= 400:
        if _swallowed_error(connection):
            connection.set_rollback(True)
    elif is_lost(connection):
        raise TransactionManagementError(
            f"The view answered {response.status_code}, but all that it wrote is rolled back: it"
            " caught an error outside of an `atomic` block, or called `set_rollback`."
        ) from connection.rollback_exc


class Atomic(transaction.Atomic):
    """Raises an error if code in the block caught one of the database and went on.

    Django alone would roll back silently, and so would Postgres at a COMMIT.
    """

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        connection: Any = transaction.get_connection(self.using)
        of_testcase: bool = self._from_testcase  # type: ignore[attr-defined]
        if exc_type or of_testcase or not _swallowed_error(connection):
            super().__exit__(exc_type, exc_value, traceback)
            if exc_value and connection.needs_rollback:  # a block around this one has to be lost
                connection.rollback_exc = exc_value
            return
        lost = TransactionManagementError(
            "An error was caught within this `atomic` block, so all that the block wrote is rolled"
            " back. If you expect an error, put the statement into an `atomic` block of its own."
        )
        lost.__cause__ = connection.rollback_exc if connection.needs_rollback else None
        super().__exit__(type(lost), lost, None)
        raise lost


def is_lost(connection: Any) -> bool:
    """Tell whether COMMIT would be a rollback, which neither Postgres nor Django reports."""
    return bool(connection.needs_rollback) or _has_failed(connection)


def _swallowed_error(connection: Any) -> bool:
    """Tell whether what the block wrote cannot be kept, although nobody called `set_rollback`."""
    if connection.needs_rollback:
        return bool(connection.rollback_exc or connection.closed_in_transaction)
    return _has_failed(connection)


def _has_failed(connection: Any) -> bool:
    driver = connection.connection
    return connection.vendor == "postgresql" and bool(driver) and has_failed(driver)


transaction.Atomic = Atomic  # type: ignore[misc]  # `atomic` of Django has no other way in
