"""What the tests add to a service in FastAPI."""

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


async def tick(socket: WebSocket) -> None:
    while True:
        await socket.send_text("tick")
        await asyncio.sleep(0.05)


async def read(socket: WebSocket) -> None:
    while True:
        await socket.receive_text()


@router.websocket("/ws/{kind}")
async def ws_of_a_kind(socket: WebSocket, kind: str) -> None:
    """Send or wait, and never read; or fail."""
    if kind == "silent":
        return
    if kind == "boom":
        raise RuntimeError("this went wrong")
    await socket.accept()
    while True:
        match kind:
            case "flood":
                await socket.send_text("x" * 65536)
            case "tick":
                await tick(socket)
            case "group":
                async with asyncio.TaskGroup() as group:
                    group.create_task(tick(socket))
                    group.create_task(read(socket))
            case _:
                await asyncio.sleep(60)
'''

# What a service with a database gets besides.
DATABASE_ROUTES = '''

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import psycopg
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from .db import Session, transaction
from .models import Note


def own_backend(number: int) -> int:
    """Say what serves this process, if it gets its own answers."""
    with transaction() as session:
        for _ in range(200):
            row = session.execute(text("SELECT CAST(:number AS int), pg_backend_pid()"), {"number": number})
            [(echo, pid)] = row.all()
            assert echo == number, (echo, number)
    return pid


@router.get("/forked")
def forked() -> list[int]:
    """Say what serves this process, its forks, and this process again."""
    pids = [own_backend(0)]
    with ProcessPoolExecutor(2, multiprocessing.get_context("fork")) as pool:
        pids += pool.map(own_backend, [1, 2])
    return [*pids, own_backend(0)]


@router.get("/sql")
async def sql(seconds: float, session: Session) -> None:
    """Take a connection for as long as one statement takes."""
    print("sql has begun")
    await session.execute(text("SELECT pg_sleep(:seconds)"), {"seconds": seconds})


@router.post("/slow-notes", status_code=201)
async def slow_note(seconds: float, session: Session) -> int:
    """Write, and commit later."""
    note = Note(text="slow", words=1)
    session.add(note)
    await session.flush()
    print("slow-notes has begun")
    await asyncio.sleep(seconds)
    return note.id


@router.post("/children", status_code=201)
async def child(session: Session) -> None:
    """Write what a deferred constraint forbids, which only the COMMIT tells."""
    await session.execute(text("INSERT INTO children VALUES (1)"))


@router.post("/commits", status_code=201)
async def commits(session: Session) -> dict[str, int]:
    """Commit and go on, roll back and go on, as the tutorials do."""
    note = Note(text="first", words=1)
    session.add(note)
    await session.commit()
    await session.refresh(note)
    answer = {"id": note.id}
    session.add(Note(text="gone", words=1))
    await session.rollback()
    session.add(Note(text="second", words=1))
    return answer


@router.post("/swallow/{how}", status_code=201)
async def swallow(how: str, session: Session) -> None:
    """Write, break a constraint, and go on as if nothing had been."""
    note = Note(text="first", words=1)
    session.add(note)
    await session.flush()
    again = text("INSERT INTO notes (id, text) OVERRIDING SYSTEM VALUE VALUES (:id, 'second')")
    try:
        if how == "savepoint":
            async with session.begin_nested():
                await session.execute(again, {"id": note.id})
        else:
            await session.execute(again, {"id": note.id})
    except IntegrityError:
        pass


@router.post("/refused/{how}")
async def refused(how: str, session: Session) -> Response:
    """Write, and refuse."""
    session.add(Note(text=how, words=1))
    if how == "raised":
        raise HTTPException(404)
    return Response(status_code=404)


@router.post("/doomed")
async def doomed(session: Session) -> None:
    """Fail, on a connection that has just been lost: nor can it be rolled back."""
    pid = await session.scalar(text("SELECT pg_backend_pid()"))
    async with await psycopg.AsyncConnection.connect(os.environ["DATABASE_URL"]) as other:
        await other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    raise RuntimeError("this went wrong too")
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
