"""What the tests add to a service in FastAPI."""

from .fastapi_database import DATABASE_ROUTES

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
from collections.abc import AsyncIterator

import structlog
from fastapi import HTTPException, Response, WebSocket
from fastapi.responses import StreamingResponse
from pydantic import BaseModel


@router.get("/slow")
async def slow(seconds: float) -> dict[str, float]:
    print("slow has begun")
    await asyncio.sleep(seconds)
    return {"slept": seconds}


@router.get("/slow-sync")
def slow_sync(seconds: float) -> dict[str, float]:
    print("slow-sync has begun")
    time.sleep(seconds)
    return {"slept": seconds}


@router.get("/stubborn")
async def stubborn() -> None:
    """Hang, and take no cancellation for an answer."""
    print("stubborn has begun")
    while True:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            pass


@router.get("/blocking")
async def blocking(seconds: float) -> dict[str, float]:
    """Block the event loop, as nobody should."""
    print("blocking has begun")
    time.sleep(seconds)
    return {"slept": seconds}


@router.get("/boom")
async def boom(kind: str = "") -> None:
    password = "-".join(["a", "local", "variable"])
    kinds = {"exit": SystemExit, "timeout": TimeoutError, "refused": ConnectionRefusedError}
    kinds["cancelled"] = asyncio.CancelledError  # as what a library cancels raises it
    raise kinds.get(kind, RuntimeError)("this went wrong")


def dive(depth: int, ballast: str) -> None:
    if depth == 0:
        raise RuntimeError("too deep " + "x" * 50_000)
    try:
        dive(depth - 1, ballast)
    except RuntimeError as error:
        raise ValueError("and again") from error


@router.get("/deep")
async def deep() -> None:
    dive(60, "-".join(["a", "local", "variable"]))


@router.get("/late-boom")
async def late_boom() -> StreamingResponse:
    async def body() -> AsyncIterator[str]:
        yield "begun"
        raise RuntimeError("too late for a 500")

    return StreamingResponse(body())


@router.get("/print")
async def print_something() -> None:
    print("printed to stdout")
    print("printed to stderr", file=sys.stderr)
    os.write(1, b"")


@router.get("/warn")
async def warn() -> None:
    warnings.warn("something is old", DeprecationWarning, stacklevel=1)
    warnings.warn("take care", stacklevel=1)


@router.get("/log")
async def log(text: str) -> None:
    structlog.contextvars.bind_contextvars(event=text, level=text)
    logging.getLogger("some.library").warning("somebody said %s", text)
    print(text)


@router.get("/log-long")
async def log_long() -> None:
    logging.getLogger("some.library").warning("long " + "é\\n" * 100_000)


@router.get("/thread")
async def thread() -> None:
    def die() -> None:
        raise RuntimeError("a thread died")

    threading.Thread(target=die).start()


@router.get("/sse")
async def sse() -> StreamingResponse:
    async def events() -> AsyncIterator[str]:
        while True:
            yield "data: tick\\n\\n"
            await asyncio.sleep(0.05)

    return StreamingResponse(events(), media_type="text/event-stream")


@router.post("/echo")
async def echo(request: Request) -> dict[str, object]:
    body = await request.body()
    return {"bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()}


@router.post("/ignore")
async def ignore() -> dict[str, str]:
    """Answer without reading the body."""
    return {"body": "not read"}


class Order(BaseModel):
    count: int


@router.post("/orders")
async def order(order: Order) -> Order:
    return order


@router.get("/big")
async def big() -> str:
    return "x" * 8_000_000


@router.get("/teapot")
async def teapot() -> None:
    raise HTTPException(418, "short and stout")


@router.get("/whoami")
async def whoami(request: Request) -> dict[str, object]:
    return {
        "scheme": request.url.scheme,
        "client": request.client and request.client.host,
        "pid": os.getpid(),
        "url": str(request.url_for("index")),
    }


@router.websocket("/ws")
async def ws(socket: WebSocket) -> None:
    await socket.accept()
    async for text in socket.iter_text():
        await socket.send_text(text)


@router.websocket("/ws/{kind}")
async def ws_of_a_kind(socket: WebSocket, kind: str) -> None:
    await behave(socket, kind)
'''

# Something that the service holds from its start to its end, and says so; or that fails, at either.
LIFESPAN = """

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    print("pools opened")
    {start}
    yield
    {stop}
    print("pools released")


_create_app = create_app


def create_app(*given: Any) -> FastAPI:
    app = _create_app(*given)
    app.router.lifespan_context = lifespan
    return app
"""
