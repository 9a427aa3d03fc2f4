"""The ways to enqueue jobs inside a request in procrastinate's documentation."""

# Tasks as the documentation declares them, in blocking code, which every framework can run.
TASKS = """

import os
import time

import psycopg
from procrastinate import Blueprint, JobContext
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


@app.task(pass_context=True)
def polite(context: JobContext) -> None:
    _note(1, "begun")
    while not context.should_abort():
        time.sleep(0.1)
    raise JobAborted
"""
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
