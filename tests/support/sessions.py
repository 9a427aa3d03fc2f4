"""Code that uses sessions after a request, or where there is none, as users of each framework write it."""

FASTAPI = """

from collections.abc import AsyncIterator

from fastapi import BackgroundTasks
from fastapi.responses import StreamingResponse
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from .db import Session, transaction
from .models import Note


async def write(session: AsyncSession, flush: bool) -> None:
    session.add(Note(text="late", words=1))
    if flush:
        await session.flush()


async def read(session: AsyncSession) -> AsyncIterator[str]:
    yield str(await session.scalar(text("SELECT 1")))


@router.post("/late/stream")
async def late_stream(session: Session) -> StreamingResponse:
    await session.execute(text("SELECT 1"))
    return StreamingResponse(read(session))


@router.post("/late/{how}", status_code=202)
async def late(how: str, session: Session, tasks: BackgroundTasks) -> None:
    tasks.add_task(write, session, how == "flush")


@router.post("/own/stream")
async def own_stream() -> StreamingResponse:
    async def body() -> AsyncIterator[str]:
        async with transaction() as session:
            await write(session, True)
            yield "written"

    return StreamingResponse(body())


@router.post("/own/task", status_code=202)
async def own(tasks: BackgroundTasks) -> None:
    async def task() -> None:
        async with transaction() as session:
            await write(session, False)

    tasks.add_task(task)


@router.post("/closed/{how}", status_code=201)
async def closed(how: str, session: Session) -> None:
    await write(session, False)
    await session.commit()
    await session.close()
    if how == "again":
        await write(session, False)
"""

LITESTAR = """

from collections.abc import AsyncIterator

from litestar import Response, post
from litestar.background_tasks import BackgroundTask
from litestar.params import FromPath
from litestar.response import Stream
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from .db import Session, transaction
from .models import Note


async def write(session: AsyncSession, flush: bool) -> None:
    session.add(Note(text="late", words=1))
    if flush:
        await session.flush()


async def read(session: AsyncSession) -> AsyncIterator[str]:
    yield str(await session.scalar(text("SELECT 1")))


@post("/late/stream")
async def late_stream(session: Session) -> Stream:
    await session.execute(text("SELECT 1"))
    return Stream(read(session))


@post("/late/{how:str}")
async def late(how: FromPath[str], session: Session) -> Response[None]:
    task = BackgroundTask(write, session, how == "flush")
    return Response(None, status_code=202, background=task)


@post("/own/stream")
async def own_stream() -> Stream:
    async def body() -> AsyncIterator[str]:
        async with transaction() as session:
            await write(session, True)
            yield "written"

    return Stream(body())


@post("/own/task")
async def own() -> Response[None]:
    async def task() -> None:
        async with transaction() as session:
            await write(session, False)

    return Response(None, status_code=202, background=BackgroundTask(task))


@post("/closed/{how:str}")
async def closed(how: FromPath[str], session: Session) -> None:
    await write(session, False)
    await session.commit()
    await session.close()
    if how == "again":
        await write(session, False)


for handler in (late_stream, late, own_stream, own, closed):
    router.register(handler)
"""

FLASK = '''

import threading
from collections.abc import Iterator

from flask import Response, abort, copy_current_request_context, request, stream_with_context
from sqlalchemy import text
from sqlalchemy.orm import Session

from .db import get_session, transaction
from .models import Note


def write(session: Session, flush: bool) -> None:
    session.add(Note(text="late", words=1))
    if flush:
        session.flush()


@bp.post("/late/<how>")
def late(how: str) -> Response:
    session = get_session()

    def read() -> Iterator[str]:
        yield str(session.scalar(text("SELECT 1")))

    if how == "stream":
        return Response(read())
    response = Response(status=202)
    response.call_on_close(lambda: write(session, how == "flush"))
    return response


@bp.post("/own/<how>")
def own(how: str) -> Response:
    def body() -> Iterator[str]:
        with transaction() as session:
            write(session, True)
            yield "written"

    response = Response(body() if how == "stream" else None, status=202)
    if how == "task":
        response.call_on_close(lambda: list(body()))
    return response


@bp.post("/closed/<how>")
def closed(how: str) -> tuple[str, int]:
    write(get_session(), False)
    get_session().commit()
    get_session().close()
    if how == "again":
        write(get_session(), False)
    return "", 201


def add() -> None:
    write(get_session(), True)
    if "fail" in request.args:
        raise RuntimeError("this went wrong")


@bp.post("/context/stream")
def context_stream() -> Response:
    """Write and read while the response is sent."""
    get_session().execute(text("SELECT 1"))

    def body() -> Iterator[str]:
        yield "begun"
        add()
        yield str(get_session().scalar(text("SELECT count(*) FROM notes")))

    return Response(stream_with_context(body()), 201)


@bp.post("/context/<how>")
def context(how: str) -> tuple[str, int]:
    """Write in a thread that has a copy of the request, or a context of the application."""
    app, query = current_app._get_current_object(), request.full_path  # type: ignore[attr-defined]

    def inside_app() -> None:
        with app.test_request_context(query), app.app_context():
            add()

    target = inside_app if how == "app" else copy_current_request_context(add)
    thread = threading.Thread(target=target)
    thread.start()
    thread.join()
    return "", 201


@bp.post("/context/view")
def context_view() -> None:
    """Write, and refuse."""
    add()
    abort(404)
'''

ROUTES = {"fastapi": FASTAPI, "litestar": LITESTAR, "flask": FLASK}

# Commands of Flask's command line, which run in the shell because that has the services of a process.
COMMANDS = """
import click
from order_desk.db import get_session
from order_desk.models import Note

@app.cli.command("add")
@click.argument("how")
def add(how):
    get_session().add(Note(text=how, words=1))
    if how == "commits":
        get_session().commit()
        get_session().close()
        get_session().add(Note(text="goes on", words=1))
    elif how == "fails":
        get_session().flush()
        raise ValueError
    elif how == "exits":
        raise SystemExit(0)

for how in ("plain", "commits", "fails", "exits"):
    app.test_cli_runner().invoke(args=["add", how])
"""

# Waits for notifications longer than between two looks at a busy server, and as long as it says.
LISTEN = """
import threading
import time
import psycopg

def tell():
    time.sleep(2.5)
    with psycopg.connect(settings.database_url.get_secret_value(), autocommit=True) as other:
        other.execute("NOTIFY news, 'late'")

with services.postgres.engine.connect() as connection:
    driver = connection.connection.driver_connection
    driver.autocommit = True
    driver.execute("LISTEN news")
    for timeout in (0, 1.2):
        began = time.monotonic()
        assert list(driver.notifies(timeout=timeout)) == []
        assert timeout <= time.monotonic() - began < timeout + 6
    threading.Thread(target=tell).start()
    print(next(driver.notifies()).payload)
    driver.autocommit = False
"""
LISTEN_ASYNC = (
    LISTEN.replace(
        "with services.postgres.engine", "async def listen():\n  async with services.postgres.async_engine"
    )
    .replace("connection.connection.driver", "(await connection.get_raw_connection()).driver")
    .replace("driver.autocommit = True", "await driver.set_autocommit(True)")
    .replace("driver.autocommit = False", "await driver.set_autocommit(False)")
    .replace("driver.execute", "await driver.execute")
    .replace(
        "list(driver.notifies(timeout=timeout))", "[each async for each in driver.notifies(timeout=timeout)]"
    )
    .replace("next(driver.notifies())", "(await anext(driver.notifies()))")
    + "  await services.close()\n\nimport asyncio\nasyncio.run(listen())\n"
)
