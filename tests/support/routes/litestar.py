"""What the tests add to a service in Litestar."""

from .litestar_database import DATABASE_ROUTES

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
from typing import Any

import structlog
from litestar import Request, Response, WebSocket, post, websocket
from litestar.exceptions import HTTPException
from litestar.params import FromPath, FromQuery, JSONBody, MultipartBody
from litestar.response import Stream


@get("/slow")
async def slow(seconds: FromQuery[float]) -> dict[str, float]:
    print("slow has begun")
    await asyncio.sleep(seconds)
    return {"slept": seconds}


@get("/slow-sync", sync_to_thread=True)
def slow_sync(seconds: FromQuery[float]) -> dict[str, float]:
    print("slow-sync has begun")
    time.sleep(seconds)
    return {"slept": seconds}


@get("/cached", cache=60)
async def cached() -> dict[str, str]:
    return {}


@get("/stubborn")
async def stubborn() -> None:
    """Hang, and take no cancellation for an answer."""
    print("stubborn has begun")
    while True:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            pass


@get("/blocking")
async def blocking(seconds: FromQuery[float]) -> dict[str, float]:
    """Block the event loop, as nobody should."""
    print("blocking has begun")
    time.sleep(seconds)
    return {"slept": seconds}


@get("/boom")
async def boom(request: Request[Any, Any, Any]) -> None:
    password = "-".join(["a", "local", "variable"])
    kinds = {"exit": SystemExit, "timeout": TimeoutError, "refused": ConnectionRefusedError}
    kinds["cancelled"] = asyncio.CancelledError  # as what a library cancels raises it
    raise kinds.get(request.query_params.get("kind", ""), RuntimeError)("this went wrong")


def dive(depth: int, ballast: str) -> None:
    if depth == 0:
        raise RuntimeError("too deep " + "x" * 50_000)
    try:
        dive(depth - 1, ballast)
    except RuntimeError as error:
        raise ValueError("and again") from error


@get("/deep")
async def deep() -> None:
    dive(60, "-".join(["a", "local", "variable"]))


@get("/late-boom")
async def late_boom() -> Stream:
    async def body() -> AsyncIterator[str]:
        yield "begun"
        raise RuntimeError("too late for a 500")

    return Stream(body())


@get("/print")
async def print_something() -> None:
    print("printed to stdout")
    print("printed to stderr", file=sys.stderr)
    os.write(1, b"")


@get("/warn")
async def warn() -> None:
    warnings.warn("something is old", DeprecationWarning, stacklevel=1)
    warnings.warn("take care", stacklevel=1)


@get("/log")
async def log(text: FromQuery[str]) -> None:
    structlog.contextvars.bind_contextvars(event=text, level=text)
    logging.getLogger("some.library").warning("somebody said %s", text)
    print(text)


@get("/log-long")
async def log_long() -> None:
    logging.getLogger("some.library").warning("long " + "é\\n" * 100_000)


@get("/thread")
async def thread() -> None:
    def die() -> None:
        raise RuntimeError("a thread died")

    threading.Thread(target=die).start()


@get("/sse")
async def sse() -> Stream:
    async def events() -> AsyncIterator[str]:
        while True:
            yield "data: tick\\n\\n"
            await asyncio.sleep(0.05)

    return Stream(events(), media_type="text/event-stream")


@post("/echo", status_code=200)
async def echo(request: Request[Any, Any, Any]) -> dict[str, object]:
    body = await request.body()
    return {"bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()}


@post("/ignore", status_code=200)
async def ignore() -> dict[str, str]:
    """Answer without reading the body."""
    return {"body": "not read"}


class Order(Struct):
    count: int


@post("/orders", status_code=200)
async def order(data: JSONBody[Order]) -> Order:
    return data


@post("/form", status_code=200)
async def form(request: Request[Any, Any, Any]) -> int:
    return len(await request.form())


@post("/parts", status_code=200)
async def parts(data: MultipartBody[dict[str, str]]) -> int:
    return len(data)


@get("/big")
async def big() -> str:
    return "x" * 8_000_000


@get("/teapot")
async def teapot() -> None:
    raise HTTPException("short and stout", status_code=418)


@get("/whoami")
async def whoami(request: Request[Any, Any, Any]) -> dict[str, object]:
    return {
        "scheme": request.url.scheme,
        "client": request.client and request.client.host,
        "pid": os.getpid(),
        "url": str(request.base_url),
    }


@websocket("/ws")
async def ws(socket: WebSocket[Any, Any, Any]) -> None:
    await socket.accept()
    async for text in socket.iter_data("text"):
        await socket.send_text(text)


@websocket("/ws/{kind:str}")
async def ws_of_a_kind(socket: WebSocket[Any, Any, Any], kind: FromPath[str]) -> None:
    await behave(socket, kind)


for handler in (
    *(slow, slow_sync, stubborn, blocking, boom, deep, late_boom, print_something, warn, log, log_long),
    *(cached, thread, sse, echo, ignore, order, form, parts, big, teapot, whoami, ws, ws_of_a_kind),
):
    router.register(handler)
'''

# Something that the service holds from its start to its end, and says so; or that fails, at either.
LIFESPAN = """

from typing import Any


async def start() -> None:
    print("pools opened")
    {start}


async def stop() -> None:
    {stop}
    print("pools released")


_create_app = create_app


def create_app(*given: Any) -> Litestar:
    app = _create_app(*given)
    app.on_startup.append(start)
    app.on_shutdown.append(stop)
    return app
"""
