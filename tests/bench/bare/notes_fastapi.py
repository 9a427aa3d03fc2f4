"""Notes in FastAPI through psycopg, with as many connections as the emitted service has."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
from fastapi import Depends, FastAPI
from pydantic import BaseModel

free: "asyncio.Queue[psycopg.AsyncConnection]" = asyncio.Queue()


class Note(BaseModel):
    """What is posted."""

    text: str


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Open the connections."""
    for _ in range(5):
        free.put_nowait(await psycopg.AsyncConnection.connect(os.environ["DATABASE_URL"]))
    yield


async def connection() -> AsyncIterator[psycopg.AsyncConnection]:
    """Lend a connection for a transaction."""
    one = await free.get()
    try:
        async with one.transaction():
            yield one
    finally:
        free.put_nowait(one)


app = FastAPI(lifespan=lifespan)


@app.post("/notes", status_code=201)
async def create(note: Note, db: psycopg.AsyncConnection = Depends(connection)) -> dict[str, object]:  # noqa: B008
    """Insert one."""
    row = await (
        await db.execute("INSERT INTO notes (text, words) VALUES (%s, 1) RETURNING id", [note.text])
    ).fetchone()
    return {"id": row and row[0], "text": note.text}


@app.get("/notes/{number}")
async def read(number: int, db: psycopg.AsyncConnection = Depends(connection)) -> dict[str, object]:  # noqa: B008
    """Read one."""
    row = await (await db.execute("SELECT id, text FROM notes WHERE id = %s", [number])).fetchone()
    return {"id": row and row[0], "text": row and row[1]}
