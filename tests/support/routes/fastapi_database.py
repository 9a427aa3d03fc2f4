"""What the tests add to a service in FastAPI that has a database."""

DATABASE_ROUTES = '''

import psycopg
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from .db import Session
from .models import Note


@router.get("/forked")
def forked() -> list[int]:
    return own_backends()


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
