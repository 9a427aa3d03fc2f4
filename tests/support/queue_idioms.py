"""What the documentation of the queues enqueues: jobs for a service, calls, and what becomes of them."""

from dataclasses import dataclass
from typing import Any

CELERY = """

import json
import time
import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from celery import chain, chord, group, shared_task
from celery.exceptions import Ignore, Reject

from .runtime import transport

client = transport.client


@app.task
def tell(*values, **named):
    named = [[name, str(value)] for name, value in named.items()]
    client.rpush("told", json.dumps([*map(str, values), *named]))


@app.task
def add(one, other):
    tell(one, other)
    return one + other


@app.task(queue="mail")
def mail():
    tell("mail")


@app.task
def routed():
    tell("routed")


app.conf.task_routes = {"*.routed": {"queue": "by-route"}}


@shared_task
def shared():
    tell("shared")


@app.task
def ignore():
    tell("ignored")
    raise Ignore


@app.task
def reject():
    tell("rejected")
    raise Reject


@app.task
def reject_once():
    tell("again")
    if client.incr("rejects") == 1:
        raise Reject(requeue=True)


@app.task(bind=True, max_retries=None)
def poll(self):
    tell(self.request.retries)
    if self.request.retries < 8:
        raise self.retry(countdown=0)


@app.task(bind=True)
def fail_once(self):
    tell(self.request.retries)
    try:
        if not self.request.retries:
            raise ValueError("not yet")
    except ValueError as error:
        raise self.retry(exc=error, countdown=1)


def later(seconds):
    return datetime.now(UTC) + timedelta(seconds=seconds)
"""

DRAMATIQ = """

import json
import uuid
from datetime import UTC, datetime

from dramatiq import group, pipeline

from .runtime import jobs_queue

client = jobs_queue.broker.client


@dramatiq.actor
def tell(*values, **named):
    named = [[name, str(value)] for name, value in named.items()]
    client.rpush("told", json.dumps([*map(str, values), *named]))


@dramatiq.actor
def add(one, other):
    tell(one, other)
    return one + other


@dramatiq.actor(queue_name="mail")
def mail():
    tell("mail")


@dramatiq.actor(max_age=1)
def young():
    tell("young")


@dramatiq.actor(max_retries=20, min_backoff=1, max_backoff=1)
def poll():
    told = client.incr("polls")
    tell(told)
    if told < 9:
        raise dramatiq.errors.Retry("not yet", delay=1)


def called_back():
    found = group([tell.message(1)])
    found.add_completion_callback(tell.message(2))
    return found


class Own(dramatiq.Middleware):
    actor_options = {"badge"}

    def before_process_message(self, broker, message):
        if badge := broker.get_actor(message.actor_name).options.get("badge"):
            tell(badge)


jobs_queue.broker.add_middleware(Own())


@dramatiq.actor(badge="sheriff")
def badged():
    tell("badged")
"""

POSTGRES = """
from {package}.runtime.outbox import enqueue

"""


@dataclass(frozen=True)
class Case:
    """What one enqueues, what the jobs tell then, and after how many seconds at the earliest."""

    job: str
    told: list[list[Any]]
    after: float = 0
    outcomes: tuple[str, ...] = ()


ADDED = [["1", "2"], ["3", "10"], ["13"]]
CASES = {
    "celery": {
        "queue-of-the-task": Case("mail.s()", [["mail"]]),
        "queue-of-a-route": Case("routed.s()", [["routed"]]),
        "queue-of-the-call": Case("tell.s(1).set(queue='other')", [["1"]]),
        "uuid": Case("tell.s(uuid.UUID(int=1))", [["00000000-0000-0000-0000-000000000001"]]),
        "datetime": Case("tell.s(datetime(2026, 1, 2, tzinfo=UTC))", [["2026-01-02 00:00:00+00:00"]]),
        "decimal": Case("tell.s(Decimal('1.50'), a=Decimal('2'))", [["1.50", ["a", "2"]]]),
        "countdown": Case("tell.s(1).set(countdown=3)", [["1"]], after=3),
        "eta": Case("tell.s(1).set(eta=later(3))", [["1"]], after=3),
        "naive-eta": Case("tell.s(1).set(eta=later(3).replace(tzinfo=None))", [["1"]], after=3),
        "other-zone": Case(
            "tell.s(1).set(eta=later(3).astimezone(__import__('zoneinfo').ZoneInfo('Asia/Tokyo')))",
            [["1"]],
            after=3,
        ),
        "expires-later": Case("tell.s(1).set(expires=60)", [["1"]]),
        "expired": Case("tell.s(1).set(expires=later(-1))", [], outcomes=("expired",)),
        "expired-delayed": Case("tell.s(1).set(countdown=2, expires=1)", [], outcomes=("expired",)),
        "task-id": Case("tell.s(1).set(task_id='mine')", [["1"]]),
        "chain": Case("chain(add.s(1, 2), add.s(10), tell.s())", ADDED),
        "pipe": Case("add.s(1, 2) | add.s(10) | tell.s()", ADDED),
        "immutable": Case("chain(add.s(1, 2), tell.si('end'))", [["1", "2"], ["end"]]),
        "chain-over-queues": Case(
            "chain(add.s(1, 2).set(queue='a'), tell.s().set(queue='b'))", [["1", "2"], ["3"]]
        ),
        "delayed-chain": Case("chain(add.s(1, 2), tell.s().set(countdown=2))", [["1", "2"], ["3"]], after=2),
        "group": Case("group(tell.s(1), tell.s(2), tell.s(3))", [["1"], ["2"], ["3"]]),
        "group-in-chain": Case(
            "chain(add.s(1, 2), group(tell.s(), tell.s(9)))", [["1", "2"], ["3"], ["3", "9"]]
        ),
        "link": Case("add.s(1, 2).set(link=tell.s())", [["1", "2"], ["3"]]),
        "shared-task": Case("shared.s()", [["shared"]]),
        "ignore": Case("ignore.s()", [["ignored"]], outcomes=("ignored",)),
        "reject": Case("reject.s()", [["rejected"]], outcomes=("rejected",)),
        "requeue": Case("reject_once.s()", [["again"]] * 2, outcomes=("rejected", "succeeded")),
        "retry-without-limit": Case(
            "poll.s()", [[str(n)] for n in range(9)], outcomes=("retried",) * 8 + ("succeeded",)
        ),
        "retry-after-error": Case("fail_once.s()", [["0"], ["1"]], outcomes=("failed", "succeeded")),
    },
    "dramatiq": {
        "queue-of-the-actor": Case("mail.message()", [["mail"]]),
        "delay": Case("tell.message_with_options(args=(1,), delay=3000)", [["1"]], after=3),
        "delay-to-a-queue": Case("mail.message_with_options(delay=3000)", [["mail"]], after=3),
        "named": Case("tell.message_with_options(args=(1,), kwargs={'a': 2})", [["1", ["a", "2"]]]),
        "pipeline": Case(
            "pipeline([add.message(1, 2), add.message(10), tell.message()])",
            [["1", "2"], ["10", "3"], ["13"]],
        ),
        "pipe": Case("add.message(1, 2) | tell.message()", [["1", "2"], ["3"]]),
        "delayed-pipeline": Case(
            "add.message_with_options(args=(1, 2), delay=3000) | tell.message()", [["1", "2"], ["3"]], after=3
        ),
        "delay-in-pipeline": Case(
            "add.message(1, 2) | tell.message_with_options(delay=3000)", [["1", "2"], ["3"]], after=3
        ),
        "group": Case("group([tell.message(1), tell.message(2)])", [["1"], ["2"]]),
        "group-with-delay": Case(
            "group([tell.message(1), tell.message_with_options(args=(2,), delay=3000)])",
            [["1"], ["2"]],
            after=3,
        ),
        "group-of-pipelines": Case(
            "group([add.message(1, 2) | tell.message(), tell.message(5)])", [["1", "2"], ["3"], ["5"]]
        ),
        "max-age": Case("young.message().copy(message_timestamp=1)", [], outcomes=("skipped",)),
        "max-age-of-the-message": Case(
            "tell.message_with_options(args=(1,), max_age=1).copy(message_timestamp=1)",
            [],
            outcomes=("skipped",),
        ),
        "own-middleware": Case("badged.message()", [["badged"], ["sheriff"]], outcomes=("succeeded",)),
        "retry-for-long": Case(
            "poll.message()", [[str(n)] for n in range(1, 10)], outcomes=("retried",) * 8 + ("succeeded",)
        ),
    },
}
# What needs what is not there, and the word that says so.
REFUSED = {
    "celery": {
        "chord": ("chord([add.s(1, 2)], tell.s())", "chords"),
        "chord-in-chain": ("chain(tell.si(0), group(add.s(1, 2), add.s(3, 4)), tell.s())", "chords"),
        "priority": ("tell.s(1).set(priority=5)", "priority"),
        "time-limit": ("tell.s(1).set(time_limit=5)", "time_limit"),
        "unserializable": ("tell.s(object())", "serializ"),
    },
    "dramatiq": {
        "callback": ("called_back()", "GroupCallbacks"),
        "unserializable": ("tell.message(object())", "serializ"),
    },
}
# Runs in a console of the service what the tests put into a list.
CONSOLE = """
import time
import traceback

from {0}.jobs import *
from {0}.runtime.outbox import enqueue

while True:
    code = client.lpop("commands")
    if not code:
        time.sleep(0.02)
        continue
    try:
        exec(code.decode())
        client.rpush("answers", "")
    except Exception:
        client.rpush("answers", traceback.format_exc())
"""
DIRECTLY = {
    "celery": "({}).apply_async()",
    "dramatiq": "(lambda job: job.run() if hasattr(job, 'run') else jobs_queue.broker.enqueue(job))({})",
}

# A job that has a connection for two seconds.
HOLD = """

from sqlalchemy import text

from .db import transaction


@{declare}
def hold():
    with transaction() as session:
        session.execute(text("SELECT pg_sleep(2)"))
"""
HOLD_IN_DJANGO = """

from django.db import connection


@{declare}
def hold():
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(2)")
"""
