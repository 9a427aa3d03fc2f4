"""Slipway's: kept current by `copier update`. Views and their transactions.

A 2xx means that all is committed.
"""

from functools import wraps
from typing import Any

from django.core.handlers.wsgi import WSGIHandler
from django.db import close_old_connections, connections
from django.db.transaction import TransactionManagementError
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from psycopg.pq import TransactionStatus


class Handler(WSGIHandler):
    """Runs views as ATOMIC_REQUESTS and `non_atomic_requests` say; 4xx and 5xx roll back."""

    def get_response(self, request: HttpRequest) -> HttpResponseBase:
        response = super().get_response(request)
        if not response.streaming:
            close_old_connections()  # else a client that reads slowly would keep them
        return response

    def make_view_atomic(self, view: Any) -> Any:
        @wraps(view)
        def judged(request: HttpRequest, *arguments: Any, **named: Any) -> HttpResponseBase:
            response: HttpResponseBase = view(request, *arguments, **named)
            for connection in connections.all(initialized_only=True):
                if connection.in_atomic_block:
                    _judge(connection, response)
            return response

        return super().make_view_atomic(judged)


def _judge(connection: Any, response: HttpResponseBase) -> None:
    """Raise if COMMIT would be a rollback, which neither Postgres nor Django reports."""
    if response.status_code >= 400:
        connection.set_rollback(True)
    elif connection.needs_rollback or (
        connection.vendor == "postgresql"
        and connection.connection
        and connection.connection.info.transaction_status == TransactionStatus.INERROR
    ):
        raise TransactionManagementError(
            f"the view answered {response.status_code}, but all that it wrote is rolled back: an"
            " error was caught outside of a block of `atomic`, or `set_rollback` was called"
        ) from connection.rollback_exc
