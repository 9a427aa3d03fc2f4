"""What the tests add to a service in Django."""

from .flask import LIFESPAN

__all__ = ["DATABASE_ROUTES", "LIFESPAN", "ROUTES"]

ROUTES = '''

import hashlib
import logging
import os
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from typing import Any

from django.db.transaction import non_atomic_requests as apart
from django.http import HttpResponse, StreamingHttpResponse
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from pydantic import BaseModel, ValidationError


def slow(request: HttpRequest) -> JsonResponse:
    print(f"{request.path[1:]} has begun")
    seconds = float(request.GET["seconds"])
    time.sleep(seconds)
    return JsonResponse({"slept": seconds})


def stubborn(request: HttpRequest) -> JsonResponse:
    """Hang, and take no end for an answer."""
    print("stubborn has begun")
    while True:
        try:
            time.sleep(60)
        except BaseException:
            pass


def boom(request: HttpRequest) -> JsonResponse:
    password = "-".join(["a", "local", "variable"])
    raise RuntimeError("this went wrong")


def dive(depth: int, ballast: str) -> None:
    if depth == 0:
        raise RuntimeError("too deep " + "x" * 50_000)
    try:
        dive(depth - 1, ballast)
    except RuntimeError as error:
        raise ValueError("and again") from error


def deep(request: HttpRequest) -> JsonResponse:
    dive(60, "-".join(["a", "local", "variable"]))
    return JsonResponse({})


def late_boom(request: HttpRequest) -> StreamingHttpResponse:
    def body() -> Iterator[str]:
        yield "begun"
        raise RuntimeError("too late for a 500")

    return StreamingHttpResponse(body())


def print_something(request: HttpRequest) -> JsonResponse:
    print("printed to stdout")
    print("printed to stderr", file=sys.stderr)
    os.write(1, b"")
    return JsonResponse({})


def warn(request: HttpRequest) -> JsonResponse:
    warnings.warn("something is old", DeprecationWarning, stacklevel=1)
    warnings.warn("take care", stacklevel=1)
    return JsonResponse({})


def log(request: HttpRequest) -> JsonResponse:
    text = request.GET["text"]
    logging.getLogger("some.library").warning("somebody said %s", text)
    print(text)
    return JsonResponse({})


def log_long(request: HttpRequest) -> JsonResponse:
    logging.getLogger("some.library").warning("long " + "é\\n" * 100_000)
    return JsonResponse({})


def thread(request: HttpRequest) -> JsonResponse:
    def die() -> None:
        raise RuntimeError("a thread died")

    threading.Thread(target=die).start()
    return JsonResponse({})


def sse(request: HttpRequest) -> StreamingHttpResponse:
    def events() -> Iterator[str]:
        while True:
            yield "data: tick\\n\\n"
            time.sleep(0.05)

    return StreamingHttpResponse(events(), content_type="text/event-stream")


@csrf_exempt
@require_POST
def echo(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"bytes": len(request.body), "sha256": hashlib.sha256(request.body).hexdigest()})


@csrf_exempt
@require_POST
def ignore(request: HttpRequest) -> JsonResponse:
    """Answer without reading the body."""
    return JsonResponse({"body": "not read"})


class Order(BaseModel):
    count: int


@csrf_exempt
@require_POST
def order(request: HttpRequest) -> HttpResponse:
    try:
        return JsonResponse(Order.model_validate_json(request.body).model_dump())
    except ValidationError:
        return HttpResponse(status=422)


def big(request: HttpRequest) -> HttpResponse:
    return HttpResponse("x" * 8_000_000)


def teapot(request: HttpRequest) -> HttpResponse:
    return HttpResponse("short and stout", status=418)


def whoami(request: HttpRequest) -> JsonResponse:
    return JsonResponse({
        "scheme": request.scheme,
        "client": request.META["REMOTE_ADDR"],
        "pid": os.getpid(),
        "url": request.build_absolute_uri(reverse("index")),
    })


urlpatterns += [
    path("slow", apart(slow)),
    path("slow-sync", apart(slow)),
    path("blocking", apart(slow)),
    path("stubborn", apart(stubborn)),
    path("boom", apart(boom)),
    path("deep", apart(deep)),
    path("late-boom", apart(late_boom)),
    path("print", apart(print_something)),
    path("warn", apart(warn)),
    path("log", apart(log)),
    path("log-long", apart(log_long)),
    path("thread", apart(thread)),
    path("sse", apart(sse)),
    path("echo", apart(echo)),
    path("ignore", apart(ignore)),
    path("orders", apart(order)),
    path("big", apart(big)),
    path("teapot", apart(teapot)),
    path("whoami", apart(whoami)),
]
'''

# What a service with a database gets besides.
DATABASE_ROUTES = '''

import psycopg
from django.db import IntegrityError, connection, transaction

from .models import Note


def sql(request: HttpRequest) -> JsonResponse:
    """Take a connection for as long as one statement takes."""
    print("sql has begun")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(%s)", [float(request.GET["seconds"])])
    return JsonResponse({})


@csrf_exempt
def slow_note(request: HttpRequest) -> JsonResponse:
    """Write, and commit later."""
    note = Note.objects.create(text="slow", words=1)
    print("slow-notes has begun")
    time.sleep(float(request.GET["seconds"]))
    return JsonResponse({"id": note.id}, status=201)


@csrf_exempt
def child(request: HttpRequest) -> JsonResponse:
    """Write what a deferred constraint forbids, which only the COMMIT tells."""
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO children VALUES (1)")
    return JsonResponse({}, status=201)


@csrf_exempt
def doomed(request: HttpRequest) -> JsonResponse:
    """Fail, on a connection that has just been lost: nor can it be rolled back."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        [pid] = cursor.fetchone()
    with psycopg.connect(os.environ["DATABASE_URL"]) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    raise RuntimeError("this went wrong too")


def background(request: HttpRequest) -> JsonResponse:
    """Let a thread of its own query in a transaction that nobody ends, on a connection that nobody closes."""

    def query() -> None:
        transaction.atomic().__enter__()
        Note.objects.count()

    thread = threading.Thread(target=query if "open" in request.GET else lambda: Note.objects.count())
    thread.start()
    thread.join()
    return JsonResponse({})


def idle(request: HttpRequest) -> JsonResponse:
    """Take long, and query nothing."""
    print("idle has begun")
    time.sleep(float(request.GET["seconds"]))
    return JsonResponse({})


def backend(request: HttpRequest) -> JsonResponse:
    """Say what serves the connection."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid(), current_setting('statement_timeout')")
        [found] = cursor.fetchall()
    return JsonResponse({"pid": found[0], "statement_timeout": found[1]})


@csrf_exempt
def swallow(request: HttpRequest, how: str) -> JsonResponse:
    """Write, break a constraint, and go on as if nothing had been."""
    note = Note.objects.create(text="first", words=1)
    try:
        if how == "sql":
            with connection.cursor() as cursor:
                cursor.execute("INSERT INTO notes (id, text) VALUES (%s, 'second')", [note.id])
        elif how == "savepoint":
            with transaction.atomic():
                Note.objects.create(id=note.id, text="second", words=1)
        elif how == "merged":
            with transaction.atomic(savepoint=False):
                Note.objects.create(id=note.id, text="second", words=1)
        elif how == "model":
            Note.objects.create(id=note.id, text="second", words=1)
        elif how == "flag":
            transaction.set_rollback(True)
    except IntegrityError:
        pass
    return JsonResponse({}, status=409 if how == "refused" else 201)


@csrf_exempt
def nested(request: HttpRequest) -> JsonResponse:
    """Use each thing that `atomic` has, before the first query of the request."""
    assert not connection.get_autocommit()
    transaction.on_commit(lambda: print("the hook has run"))
    with transaction.atomic(savepoint=False):
        Note.objects.select_for_update().filter(id=0).first()
    try:
        with transaction.atomic(durable=True):
            pass
    except RuntimeError:
        Note.objects.create(text="nested", words=1)
    return JsonResponse({}, status=201)


urlpatterns += [
    path("background", background),
    path("idle", idle),
    path("backend", backend),
    path("swallow/<how>", swallow),
    path("nested", nested),
    path("sql", sql),
    path("slow-notes", slow_note),
    path("children", child),
    path("doomed", doomed),
]
'''
