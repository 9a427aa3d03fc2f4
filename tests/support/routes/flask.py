"""What the tests add to a service in Flask."""

from .flask_database import DATABASE_ROUTES

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
from flask import Response, abort, request, url_for
from pydantic import BaseModel, ValidationError


@bp.get("/slow")
def slow() -> dict[str, float]:
    print("slow has begun")
    seconds = float(request.args["seconds"])
    time.sleep(seconds)
    return {"slept": seconds}


@bp.get("/slow-sync")
def slow_sync() -> dict[str, float]:
    print("slow-sync has begun")
    seconds = float(request.args["seconds"])
    time.sleep(seconds)
    return {"slept": seconds}


@bp.get("/stubborn")
def stubborn() -> None:
    """Hang, and take no end for an answer."""
    print("stubborn has begun")
    while True:
        try:
            time.sleep(60)
        except BaseException:
            pass


@bp.get("/blocking")
def blocking() -> dict[str, float]:
    print("blocking has begun")
    seconds = float(request.args["seconds"])
    time.sleep(seconds)
    return {"slept": seconds}


@bp.get("/boom")
def boom() -> None:
    password = "-".join(["a", "local", "variable"])
    kinds = {"exit": SystemExit, "timeout": TimeoutError, "refused": ConnectionRefusedError}
    kinds["cancelled"] = asyncio.CancelledError  # as what a library cancels raises it
    raise kinds.get(request.args.get("kind", ""), RuntimeError)("this went wrong")


def dive(depth: int, ballast: str) -> None:
    if depth == 0:
        raise RuntimeError("too deep " + "x" * 50_000)
    try:
        dive(depth - 1, ballast)
    except RuntimeError as error:
        raise ValueError("and again") from error


@bp.get("/deep")
def deep() -> None:
    dive(60, "-".join(["a", "local", "variable"]))


@bp.get("/late-boom")
def late_boom() -> Response:
    def body() -> Iterator[str]:
        yield "begun"
        raise RuntimeError("too late for a 500")

    return Response(body())


@bp.get("/print")
def print_something() -> dict[str, str]:
    print("printed to stdout")
    print("printed to stderr", file=sys.stderr)
    os.write(1, b"")
    return {}


@bp.get("/warn")
def warn() -> dict[str, str]:
    warnings.warn("something is old", DeprecationWarning, stacklevel=1)
    warnings.warn("take care", stacklevel=1)
    return {}


@bp.get("/log")
def log() -> dict[str, str]:
    text = request.args["text"]
    structlog.contextvars.bind_contextvars(event=text, level=text)
    logging.getLogger("some.library").warning("somebody said %s", text)
    print(text)
    return {}


@bp.get("/log-long")
def log_long() -> dict[str, str]:
    logging.getLogger("some.library").warning("long " + "é\\n" * 100_000)
    return {}


@bp.get("/thread")
def thread() -> dict[str, str]:
    def die() -> None:
        raise RuntimeError("a thread died")

    threading.Thread(target=die).start()
    return {}


@bp.get("/sse")
def sse() -> Response:
    def events() -> Iterator[str]:
        while True:
            yield "data: tick\\n\\n"
            time.sleep(0.05)

    return Response(events(), mimetype="text/event-stream")


@bp.post("/echo")
def echo() -> dict[str, object]:
    body = request.get_data()
    return {"bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()}


@bp.post("/ignore")
def ignore() -> dict[str, str]:
    """Answer without reading the body."""
    return {"body": "not read"}


class Order(BaseModel):
    count: int


@bp.post("/orders")
def order() -> dict[str, object]:
    try:
        return Order.model_validate_json(request.get_data()).model_dump()
    except ValidationError:
        abort(422)


@bp.post("/json")
def read_json() -> dict[str, object]:
    return {"read": bool(request.get_json())}


@bp.get("/big")
def big() -> str:
    return "x" * 8_000_000


@bp.get("/own-response")
def own_response() -> None:
    abort(409, response=Response("mine", 409))


@bp.get("/export")
def export() -> Response:
    """Send a long response in parts, as one exports a table."""
    return Response(("x" * 65536 for _ in range(300)), mimetype="text/csv")


@bp.get("/teapot")
def teapot() -> None:
    abort(418, "short and stout")


@bp.get("/whoami")
def whoami() -> dict[str, object]:
    return {
        "scheme": request.scheme,
        "client": request.remote_addr,
        "pid": os.getpid(),
        "url": url_for(".index", _external=True),
    }
'''

# Something that the service holds from its start to its end, and says so; or that fails, at either.
LIFESPAN = """

from typing import Any

from .runtime.services import Attached, Service


class Pools(Service):
    def open(self) -> None:
        print("pools opened")
        {start}

    def close(self) -> None:
        {stop}
        print("pools released")


_create_app = create_app


def create_app(settings: Settings) -> Any:
    Attached.current().pools = Pools()
    return _create_app(settings)
"""
