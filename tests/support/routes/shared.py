"""What the tests add to services in several frameworks: their sockets and sessions are used alike."""

SOCKETS = '''

import asyncio
from typing import Any


async def tick(socket: Any) -> None:
    while True:
        await socket.send_text("tick")
        await asyncio.sleep(0.05)


async def read(socket: Any) -> None:
    while True:
        await socket.receive_text()


def away() -> Exception:
    from psycopg import OperationalError

    return OperationalError("nobody is there")


async def behave(socket: Any, kind: str) -> None:
    """Send or wait, and never read; or fail."""
    match kind:
        case "silent":
            return
        case "boom":
            raise RuntimeError("this went wrong")
        case "cancelled":
            raise asyncio.CancelledError  # as what a library cancels raises it
        case "away":
            raise away()
    await socket.accept()
    while True:
        match kind:
            case "flood":
                await socket.send_text("x" * 65536)
            case "late":
                raise RuntimeError("this went wrong late")
            case "away late":
                raise away()
            case "document":
                await socket.receive_json()
            case "tick":
                await tick(socket)
            case "group":
                async with asyncio.TaskGroup() as group:
                    group.create_task(tick(socket))
                    group.create_task(read(socket))
            case _:
                await asyncio.sleep(60)
'''

FORKS = '''

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

from sqlalchemy import text

from .db import transaction


def own_backend(number: int) -> int:
    """Say what serves this process, if it gets its own answers."""
    with transaction() as session:
        for _ in range(200):
            row = session.execute(text("SELECT CAST(:number AS int), pg_backend_pid()"), {"number": number})
            [(echo, pid)] = row.all()
            assert echo == number, (echo, number)
    return pid


def own_backends() -> list[int]:
    """Say what serves this process, its forks, and this process again."""
    pids = [own_backend(0)]
    with ProcessPoolExecutor(2, multiprocessing.get_context("fork")) as pool:
        pids += pool.map(own_backend, [1, 2])
    return [*pids, own_backend(0)]
'''

SESSIONS = """

import os

import psycopg
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from .models import Note


async def write_slowly(session: Any, seconds: float) -> int:
    note = Note(text="slow", words=1)
    session.add(note)
    await session.flush()
    print("slow-notes has begun")
    await asyncio.sleep(seconds)
    return note.id


async def commit_and_go_on(session: Any) -> dict[str, int]:
    note = Note(text="first", words=1)
    session.add(note)
    await session.commit()
    await session.refresh(note)
    answer = {"id": note.id}
    session.add(Note(text="gone", words=1))
    await session.rollback()
    session.add(Note(text="second", words=1))
    return answer


async def swallow_error(session: Any, how: str) -> None:
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


async def doom(session: Any) -> None:
    pid = await session.scalar(text("SELECT pg_backend_pid()"))
    async with await psycopg.AsyncConnection.connect(os.environ["DATABASE_URL"]) as other:
        await other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    raise RuntimeError("this went wrong too")
"""
