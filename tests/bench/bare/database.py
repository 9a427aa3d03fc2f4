"""Five connections of psycopg, for the frameworks that serve in threads."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from queue import SimpleQueue

import psycopg

free: "SimpleQueue[psycopg.Connection]" = SimpleQueue()
for _ in range(5):
    free.put(psycopg.connect(os.environ["DATABASE_URL"]))


@contextmanager
def connection() -> Iterator[psycopg.Connection]:
    """Lend a connection for a transaction."""
    one = free.get()
    try:
        with one.transaction():
            yield one
    finally:
        free.put(one)


def create(text: str) -> dict[str, object]:
    """Insert a note."""
    with connection() as db:
        row = db.execute("INSERT INTO notes (text, words) VALUES (%s, 1) RETURNING id", [text]).fetchone()
    return {"id": row and row[0], "text": text}


def read(number: int) -> dict[str, object]:
    """Read a note."""
    with connection() as db:
        row = db.execute("SELECT id, text FROM notes WHERE id = %s", [number]).fetchone()
    return {"id": row and row[0], "text": row and row[1]}
