"""What the tests add to a service in FastAPI that has a database."""

DATABASE_ROUTES = '''

from .db import Session


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
    return await write_slowly(session, seconds)


@router.post("/children", status_code=201)
async def child(session: Session) -> None:
    """Write what a deferred constraint forbids, which only the COMMIT tells."""
    await session.execute(text("INSERT INTO children VALUES (1)"))


@router.post("/commits", status_code=201)
async def commits(session: Session) -> dict[str, int]:
    """Commit and go on, roll back and go on, as the tutorials do."""
    return await commit_and_go_on(session)


@router.post("/swallow/{how}", status_code=201)
async def swallow(how: str, session: Session) -> None:
    """Write, break a constraint, and go on as if nothing had been."""
    await swallow_error(session, how)


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
    await doom(session)
'''
