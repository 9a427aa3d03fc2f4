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


async def behave(socket: Any, kind: str) -> None:
    """Send or wait, and never read; or fail."""
    match kind:
        case "silent":
            return
        case "boom":
            raise RuntimeError("this went wrong")
        case "cancelled":
            raise asyncio.CancelledError  # as what a library cancels raises it
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
