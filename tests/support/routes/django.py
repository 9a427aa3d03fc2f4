"""What the tests add to a service in Django."""

from .django_database import DATABASE_ROUTES
from .flask import LIFESPAN

__all__ = ["DATABASE_ROUTES", "LIFESPAN", "ROUTES"]

ROUTES = '''

import asyncio
import hashlib
import logging
import os
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from typing import Any

import structlog
from django.db.transaction import non_atomic_requests as apart
from django.http import HttpResponse, StreamingHttpResponse
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from pydantic import BaseModel, ValidationError

from .runtime import problems


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
    kinds = {"exit": SystemExit, "timeout": TimeoutError, "refused": ConnectionRefusedError}
    kinds["cancelled"] = asyncio.CancelledError  # as what a library cancels raises it
    raise kinds.get(request.GET.get("kind", ""), RuntimeError)("this went wrong")


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
    structlog.contextvars.bind_contextvars(event=text, level=text)
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


def export(request: HttpRequest) -> StreamingHttpResponse:
    """Send a long response in parts, as one exports a table."""
    return StreamingHttpResponse(("x" * 65536 for _ in range(300)), content_type="text/csv")


def teapot(request: HttpRequest) -> HttpResponse:
    return problems.response(418, detail="short and stout")


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
    path("export", apart(export)),
    path("teapot", apart(teapot)),
    path("whoami", apart(whoami)),
]
'''
