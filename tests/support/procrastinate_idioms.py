"""The ways to enqueue jobs inside a request in procrastinate's documentation."""

# Tasks as the documentation declares them, in blocking code, which every framework can run.
TASKS = """

import asyncio
import os
import sys
import time

import psycopg
from procrastinate import Blueprint, JobContext, RetryStrategy
from procrastinate.exceptions import JobAborted


def _note(key: int, what: str) -> None:
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        connection.execute("INSERT INTO runs (key, what) VALUES (%s, %s)", [key, what])


blueprint = Blueprint()


@blueprint.task(name="planned")
def planned() -> None:
    print("told", "planned")


app.add_tasks_from(blueprint, namespace="of")


@app.task(queue="mail")
def mail() -> None:
    print("told", "mail")


@app.task(name="named", aliases=["formerly"], pass_context=True)
def named(context: JobContext, key: int) -> None:
    print("told", context.job.task_name, key)


@app.task(retry=1, pass_context=True)
def twice(context: JobContext) -> None:
    if not context.job.attempts:
        raise ValueError("not yet")
    print("told", "twice")


@app.task
def plain(key: int, seconds: float) -> None:
    _note(key, "begun")
    time.sleep(seconds)
    _note(key, "ended")


@app.task(retry=True)
def tireless(key: int, seconds: float) -> None:
    plain(key, seconds)


@app.task(retry=RetryStrategy(max_attempts=50))
async def patient(key: int, seconds: float) -> None:
    _note(key, "begun")
    await asyncio.sleep(seconds)
    _note(key, "ended")


@app.task(pass_context=True)
def polite(context: JobContext) -> None:
    _note(1, "begun")
    while not context.should_abort():
        time.sleep(0.1)
    raise JobAborted


@app.task(retry=1)
def exits() -> None:
    sys.exit(3)


@app.task(retry=1)
async def exits_async() -> None:
    sys.exit(3)


@app.task(retry=1)
def interrupts() -> None:
    raise KeyboardInterrupt


@app.task(retry=1)
def aborts() -> None:
    raise JobAborted


@app.task(retry=1)
async def aborts_async() -> None:
    raise JobAborted


@app.task(retry=RetryStrategy(max_attempts=1))
async def cancels() -> None:
    other = asyncio.create_task(asyncio.sleep(60))
    other.cancel()
    await other


@app.task
def parent(key: int) -> None:
    plain.defer(key=key, seconds=0)


@app.task
async def parent_async(key: int) -> None:
    await plain.defer_async(key=key, seconds=0)


@app.task
def parent_with_connection(key: int) -> None:
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        plain.configure(connection=connection).defer(key=key, seconds=0)


@app.task
async def parent_with_connection_async(key: int) -> None:
    url = os.environ["DATABASE_URL"]
    async with await psycopg.AsyncConnection.connect(url) as connection:
        await plain.configure(connection=connection).defer_async(key=key, seconds=0)
"""
# What a job may raise that is no `Exception`, or that procrastinate takes for an abortion.
RAISING = {
    "exits": "SystemExit: 3",
    "exits_async": "SystemExit: 3",
    "interrupts": "KeyboardInterrupt",
    "aborts": "JobAborted",
    "aborts_async": "JobAborted",
    "cancels": "CancelledError",
}
PARENTS = ["parent", "parent_async", "parent_with_connection", "parent_with_connection_async"]
# Calls that enqueue jobs, and what the jobs report.
TOLD = {
    "app.configure_task('of:planned').defer()": "told planned",
    "mail.defer()": "told mail",
    "app.configure_task('formerly').defer(key=1)": "told named 1",
    "twice.defer()": "told twice",
}

# A request that handles procrastinate's AlreadyEnqueued, for each kind of framework.
TWICE = {
    "asgi": """
import asyncio
from procrastinate.exceptions import AlreadyEnqueued
from {name}.db import transaction
from {name}.runtime.jobs_queue import connection_of

async def main():
    async with transaction() as session:
        session.add(Note(text="first"))
        for _ in range(2):
            try:
                connection = await connection_of(session)
                await count_words.configure(queueing_lock="one", connection=connection).{defer}
            except AlreadyEnqueued:
                print("already enqueued")
        session.add(Note(text="last"))
    await services.close()

asyncio.run(main())
""",
    "asgi, blocking": """
from procrastinate.exceptions import AlreadyEnqueued
from {name}.db import transaction

with transaction() as session:
    session.add(Note(text="first"))
    connection = session.connection().connection.driver_connection
    for _ in range(2):
        try:
            count_words.configure(queueing_lock="one", connection=connection).{defer}
        except AlreadyEnqueued:
            print("already enqueued")
    session.add(Note(text="last"))
""",
    "wsgi": """
from procrastinate.exceptions import AlreadyEnqueued
from {name}.runtime.jobs_queue import connection_of

session.add(Note(text="first"))
for _ in range(2):
    try:
        count_words.configure(queueing_lock="one", connection=connection_of(session)).{defer}
    except AlreadyEnqueued:
        print("already enqueued")
session.add(Note(text="last"))
session.commit()
""",
    "django": """
from procrastinate.exceptions import AlreadyEnqueued

from django.db import transaction

with transaction.atomic():
    Note.objects.create(text="first")
    for _ in range(2):
        try:
            count_words.configure(queueing_lock="one").{defer}
        except AlreadyEnqueued:
            print("already enqueued")
    Note.objects.create(text="last")
""",
}

# procrastinate's ways to enqueue on a pool or a connection of one's own.
OPENED = """
import asyncio
import os

import psycopg
import structlog
from procrastinate.exceptions import AlreadyEnqueued

structlog.contextvars.bind_contextvars(request_id="r-1")
url = os.environ["DATABASE_URL"]


async def enqueue(key):
    async with app.open_async():
        await plain.defer_async(key=key, seconds=0)


async def main():
    await enqueue(1)
    await asyncio.gather(*map(enqueue, range(2, 6)))
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await plain.configure(connection=connection).defer_async(key=6, seconds=0)
        async with connection.transaction():
            for _ in range(2):
                try:
                    job = plain.configure(connection=connection, queueing_lock="one")
                    await job.defer_async(key=7, seconds=0)
                except AlreadyEnqueued:
                    print("already enqueued")


for _ in range(2):
    asyncio.run(main())
"""
OPENED_BLOCKING = """
import os

import psycopg
import structlog

structlog.contextvars.bind_contextvars(request_id="r-1")
for key in (1, 2):
    with app.open():
        plain.defer(key=key, seconds=0)
plain.defer(key=3, seconds=0)
with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
    plain.configure(connection=connection).defer(key=4, seconds=0)
"""
# Routes that enqueue outside of a transaction, for the leading framework.
ROUTES = """

from .jobs import app, plain


@router.post("/enqueue")
def enqueue() -> None:
    plain.defer(key=1, seconds=0)


@router.post("/enqueue-async")
async def enqueue_async() -> None:
    async with app.open_async():
        await plain.defer_async(key=2, seconds=0)
"""
