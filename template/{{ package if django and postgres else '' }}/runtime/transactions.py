"""Maintained by `copier update`. The transactions of views.

A 2xx means that everything is committed.
"""

from functools import wraps
from inspect import iscoroutinefunction
from typing import Any

from django.core.handlers.wsgi import WSGIHandler
from django.db import close_old_connections, connections
from django.db.transaction import TransactionManagementError
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from psycopg.pq import TransactionStatus


class Handler(WSGIHandler):
    """Runs views as ATOMIC_REQUESTS and `non_atomic_requests` say; an error rolls back."""

    def get_response(self, request: HttpRequest) -> HttpResponseBase:
        response = super().get_response(request)
        if not response.streaming:
            close_old_connections()  # or a client that reads slowly would keep them
        return response

    def make_view_atomic(self, view: Any) -> Any:
        if iscoroutinefunction(view):  # Django refuses it, unless it is `non_atomic_requests`
            return super().make_view_atomic(view)

        @wraps(view)
        def judged(request: HttpRequest, *arguments: Any, **named: Any) -> Any:
            response: HttpResponseBase | None = view(request, *arguments, **named)
            for connection in connections.all(initialized_only=True):
                if connection.in_atomic_block:
                    _judge(connection, response)
            return response

        return super().make_view_atomic(judged)


def _judge(connection: Any, response: HttpResponseBase | None) -> None:
    """Raise if a view claims to have written what is lost. One that answers 4xx or 5xx does not."""
    if response is None:  # Django complains of it
        connection.set_rollback(True)
    elif response.status_code < 400 and is_lost(connection):
        raise TransactionManagementError(
            f"The view answered {response.status_code}, but all that it wrote is rolled back: it"
            " caught an error outside of an `atomic` block, or called `set_rollback`."
        ) from connection.rollback_exc


def is_lost(connection: Any) -> bool:
    """Tell whether COMMIT would be a rollback, which neither Postgres nor Django reports."""
    return bool(connection.needs_rollback) or (
        connection.vendor == "postgresql"
        and connection.connection is not None
        and connection.connection.info.transaction_status == TransactionStatus.INERROR
    )
