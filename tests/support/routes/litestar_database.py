"""What the tests add to a service in Litestar that has a database."""

DATABASE_ROUTES = '''

import psycopg
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from .db import Session
from .models import Note


@get("/forked", sync_to_thread=True)
def forked() -> list[int]:
    return own_backends()


@get("/sql")
async def sql(seconds: FromQuery[float], session: Session) -> None:
    """Take a connection for as long as one statement takes."""
    print("sql has begun")
    await session.execute(text("SELECT pg_sleep(:seconds)"), {"seconds": seconds})


@post("/slow-notes")
async def slow_note(seconds: FromQuery[float], session: Session) -> int:
    """Write, and commit later."""
    note = Note(text="slow", words=1)
    session.add(note)
    await session.flush()
    print("slow-notes has begun")
    await asyncio.sleep(seconds)
    return note.id


@post("/children")
async def child(session: Session) -> None:
    """Write what a deferred constraint forbids, which only the COMMIT tells."""
    await session.execute(text("INSERT INTO children VALUES (1)"))


@post("/commits")
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


@post("/swallow/{how:str}")
async def swallow(how: FromPath[str], session: Session) -> None:
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


@post("/refused/{how:str}")
async def refused(how: FromPath[str], session: Session) -> Response[None]:
    """Write, and refuse."""
    session.add(Note(text=how, words=1))
    if how == "raised":
        raise HTTPException(status_code=404)
    return Response(None, status_code=404)


@post("/doomed")
async def doomed(session: Session) -> None:
    """Fail, on a connection that has just been lost: nor can it be rolled back."""
    pid = await session.scalar(text("SELECT pg_backend_pid()"))
    async with await psycopg.AsyncConnection.connect(os.environ["DATABASE_URL"]) as other:
        await other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    raise RuntimeError("this went wrong too")


for handler in (forked, sql, slow_note, child, commits, swallow, refused, doomed):
    router.register(handler)
'''
