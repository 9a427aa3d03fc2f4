"""What the tests add to a service in Flask that has a database."""

DATABASE_ROUTES = '''

import psycopg
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from .db import get_session, transaction
from .models import Note


@bp.get("/forked")
def forked() -> list[int]:
    return own_backends()


@bp.get("/sql")
def sql() -> dict[str, str]:
    """Take a connection for as long as one statement takes."""
    print("sql has begun")
    get_session().execute(text("SELECT pg_sleep(:seconds)"), {"seconds": float(request.args["seconds"])})
    return {}


@bp.post("/slow-notes")
def slow_note() -> tuple[dict[str, int], int]:
    """Write, and commit later."""
    session, note = get_session(), Note(text="slow", words=1)
    session.add(note)
    session.flush()
    print("slow-notes has begun")
    time.sleep(float(request.args["seconds"]))
    return {"id": note.id}, 201


@bp.post("/children")
def child() -> tuple[dict[str, str], int]:
    """Write what a deferred constraint forbids, which only the COMMIT tells."""
    get_session().execute(text("INSERT INTO children VALUES (1)"))
    return {}, 201


@bp.post("/commits")
def commits() -> tuple[dict[str, int], int]:
    """Commit and go on, roll back and go on, as the tutorials do."""
    with transaction() as session:
        note = Note(text="first", words=1)
        session.add(note)
        session.commit()
        session.refresh(note)
        answer = {"id": note.id}
        session.add(Note(text="gone", words=1))
        session.rollback()
        session.add(Note(text="second", words=1))
    return answer, 201


@bp.post("/swallow/<how>")
def swallow(how: str) -> tuple[dict[str, str], int]:
    """Write, break a constraint, and go on as if nothing had been."""
    session, note = get_session(), Note(text="first", words=1)
    session.add(note)
    session.flush()
    again = text("INSERT INTO notes (id, text) OVERRIDING SYSTEM VALUE VALUES (:id, 'second')")
    try:
        if how == "savepoint":
            with session.begin_nested():
                session.execute(again, {"id": note.id})
        else:
            session.execute(again, {"id": note.id})
    except IntegrityError:
        pass
    return {}, 409 if how == "refused" else 201


@bp.post("/refused/<how>")
def refused(how: str) -> tuple[dict[str, str], int]:
    """Write, and refuse."""
    get_session().add(Note(text=how, words=1))
    if how == "raised":
        abort(404)
    return {}, 404


@bp.post("/doomed")
def doomed() -> None:
    """Fail, on a connection that has just been lost: nor can it be rolled back."""
    pid = get_session().scalar(text("SELECT pg_backend_pid()"))
    with psycopg.connect(os.environ["DATABASE_URL"]) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    raise RuntimeError("this went wrong too")
'''
