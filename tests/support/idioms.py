"""How each queue writes the same things, and how each kind of service writes a schedule."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Idiom:
    """How one queue writes what all queues can do."""

    declare: str
    module: str
    client: str
    send: str
    later: str
    unknown: str
    job_id: str
    name: str
    outgoing: str
    starts: str
    dead: str


IDIOMS = {
    "dramatiq": Idiom(
        declare="dramatiq.actor",
        module="jobs_queue",
        client="jobs_queue.broker.client",
        send="send",
        later="work.send_with_options(args=(0,), delay=15000)",
        unknown="jobs_queue.broker.enqueue(work.message(0).copy(actor_name='gone', options={'retries': 5}))",
        job_id="message_id",
        name=".actor_name",
        outgoing="count_words.message(note.id)",
        starts="dramatiq:started:",
        dead="dramatiq:default.XQ.msgs",
    ),
    "celery": Idiom(
        declare="app.task",
        module="transport",
        client="transport.client",
        send="delay",
        later="work.apply_async((0,), countdown=15)",
        unknown="app.send_task('gone', retries=5)",
        job_id="id",
        name="['name'].split('.')[-1]",
        outgoing="count_words.s(note.id)",
        starts="celery:started:",
        dead="celery:failed",
    ),
}

# A schedule that runs each second, instead of the one that runs each minute.
IN_REDIS = """
from .jobs import greet
from .runtime.clock import cron


@cron("* * * * * *")
def each_second() -> None:
    greet.send("everybody")
"""
IN_POSTGRES = """
from sqlalchemy.orm import Session

from .jobs import count_notes
from .runtime.clock import cron
from .runtime.outbox import enqueue


@cron("* * * * * *")
def each_second(session: Session) -> None:
    enqueue(session, count_notes.message())
"""
IN_DJANGO = """
from .jobs import count_notes
from .runtime.clock import cron
from .runtime.outbox import enqueue


@cron("* * * * * *")
def each_second() -> None:
    enqueue(count_notes.message())
"""
# Schedules whose functions enqueue a job, and then catch an error of the database or roll back.
SWALLOWS = """

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from .models import Note


@cron("* * * * * *")
def lost_with_a_statement(session: Session) -> None:
    enqueue(session, count_notes.message())
    try:
        session.execute(text("INSERT INTO notes (text) VALUES (NULL)"))
    except IntegrityError:
        pass


@cron("* * * * * *")
def lost_with_a_flush(session: Session) -> None:
    enqueue(session, count_notes.message())
    try:
        session.add(Note(text=None))
        session.flush()
    except IntegrityError:
        pass


@cron("* * * * * *")
def lost_with_a_rollback(session: Session) -> None:
    enqueue(session, count_notes.message())
    session.flush()
    session.rollback()


@cron("* * * * * *")
def kept(session: Session) -> None:
    enqueue(session, count_notes.message())
    try:
        with session.begin_nested():
            session.execute(text("INSERT INTO notes (text) VALUES (NULL)"))
    except IntegrityError:
        pass
"""
SWALLOWS_IN_DJANGO = """

from django.db import IntegrityError, connection, transaction

from .models import Note


@cron("* * * * * *")
def lost_with_a_statement() -> None:
    enqueue(count_notes.message())
    try:
        connection.cursor().execute("INSERT INTO notes (text) VALUES (NULL)")
    except IntegrityError:
        pass


@cron("* * * * * *")
def lost_with_a_row() -> None:
    enqueue(count_notes.message())
    try:
        Note.objects.create(text=None)
    except IntegrityError:
        pass


@cron("* * * * * *")
def lost_with_a_rollback() -> None:
    enqueue(count_notes.message())
    transaction.set_rollback(True)


@cron("* * * * * *")
def kept() -> None:
    enqueue(count_notes.message())
    try:
        with transaction.atomic():
            Note.objects.create(text=None)
    except IntegrityError:
        pass
"""
SCHEDULES = {
    ("fastapi", "none"): IN_REDIS,
    ("fastapi", "postgres"): IN_POSTGRES,
    ("django", "postgres"): IN_DJANGO,
}

# Jobs that report what they do.
JOBS = '''

import os
import signal
import time

from .runtime import {module}

client = {client}


@{declare}
def work(seconds: float) -> None:
    """Take a while."""
    print("work has begun")
    time.sleep(seconds)
    client.incr("worked")


@{declare}
def beget() -> None:
    """Let the worker stop, and enqueue jobs for a while."""
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(0.5)
    for _ in range(20):
        work.{send}(0)
        time.sleep(0.05)


@{declare}
def fail() -> None:
    """Fail at the first attempt."""
    if client.incr("failed") == 1:
        raise ValueError("not yet")


@{declare}
def kill() -> None:
    """End the worker as the kernel would."""
    os._exit(9)
'''
