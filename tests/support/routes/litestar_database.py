"""What the tests add to a service in Litestar that has a database."""

DATABASE_ROUTES = '''

from .db import Session


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
    return await write_slowly(session, seconds)


@post("/children")
async def child(session: Session) -> None:
    """Write what a deferred constraint forbids, which only the COMMIT tells."""
    await session.execute(text("INSERT INTO children VALUES (1)"))


@post("/commits")
async def commits(session: Session) -> dict[str, int]:
    """Commit and go on, roll back and go on, as the tutorials do."""
    return await commit_and_go_on(session)


@post("/swallow/{how:str}")
async def swallow(how: FromPath[str], session: Session) -> None:
    """Write, break a constraint, and go on as if nothing had been."""
    await swallow_error(session, how)


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
    await doom(session)


for handler in (forked, sql, slow_note, child, commits, swallow, refused, doomed):
    router.register(handler)
'''
