"""Notes in Litestar through psycopg, with as many connections as the emitted service has."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import psycopg
from litestar import Litestar, get, post

free: "asyncio.Queue[psycopg.AsyncConnection]" = asyncio.Queue()


@dataclass
class Note:
    """What is posted."""

    text: str


async def connect() -> None:
    """Open the connections."""
    for _ in range(5):
        free.put_nowait(await psycopg.AsyncConnection.connect(os.environ["DATABASE_URL"]))


@asynccontextmanager
async def connection() -> AsyncIterator[psycopg.AsyncConnection]:
    """Lend a connection for a transaction."""
    one = await free.get()
    try:
        async with one.transaction():
            yield one
    finally:
        free.put_nowait(one)


@post("/notes")
async def create(data: Note) -> dict[str, object]:
    """Insert one."""
    async with connection() as db:
        cursor = await db.execute("INSERT INTO notes (text, words) VALUES (%s, 1) RETURNING id", [data.text])
        row = await cursor.fetchone()
    return {"id": row and row[0], "text": data.text}


@get("/notes/{number:int}")
async def read(number: int) -> dict[str, object]:
    """Read one."""
    async with connection() as db:
        row = await (await db.execute("SELECT id, text FROM notes WHERE id = %s", [number])).fetchone()
    return {"id": row and row[0], "text": row and row[1]}


app = Litestar([create, read], on_startup=[connect], openapi_config=None)
