"""The ways to enqueue jobs in celery's documentation: jobs for a service, calls, and their outcomes."""

from .cases import Case

JOBS = """

import json
import time
import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from celery import chain, chord, group, shared_task
from celery.exceptions import Ignore, Reject
from celery.signals import task_postrun, worker_ready

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


class Telling(app.Task):
    def on_success(self, value, task_id, args, kwargs):
        tell("on_success", value)

    def on_failure(self, error, task_id, args, kwargs, info):
        tell("on_failure", error)


@app.task(base=Telling)
def based():
    return 7


@app.task(base=Telling, max_retries=0)
def based_and_failing():
    raise ValueError("always")


class Whole(app.Task):
    name = "whole"

    def run(self, value):
        tell("whole", value)


whole = app.register_task(Whole())


@task_postrun.connect
def after(task, state, **_):
    if task.name.endswith(".quiet"):
        tell("after", state)


@app.task
def quiet():
    pass


@worker_ready.connect
def ready(**_):
    client.set("ready", "1")


@app.task
def is_ready():
    tell(client.get("ready") in ("1", b"1"))


def later(seconds):
    return datetime.now(UTC) + timedelta(seconds=seconds)
"""

ADDED = [["1", "2"], ["3", "10"], ["13"]]
CASES = {
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
    "group-in-chain": Case("chain(add.s(1, 2), group(tell.s(), tell.s(9)))", [["1", "2"], ["3"], ["3", "9"]]),
    "link": Case("add.s(1, 2).set(link=tell.s())", [["1", "2"], ["3"]]),
    "shared-task": Case("shared.s()", [["shared"]]),
    "base": Case("based.s()", [["on_success", "7"]]),
    "base-of-a-failure": Case(
        "based_and_failing.s()", [["on_failure", "always"]], outcomes=("failed",), kept=1
    ),
    "class": Case("whole.s(1)", [["whole", "1"]]),
    "signal": Case("quiet.s()", [["after", "SUCCESS"]]),
    "signal-of-the-worker": Case("is_ready.s()", [["True"]]),
    "ignore": Case("ignore.s()", [["ignored"]], outcomes=("ignored",)),
    "reject": Case("reject.s()", [["rejected"]], outcomes=("rejected",)),
    "requeue": Case("reject_once.s()", [["again"]] * 2, outcomes=("rejected", "succeeded")),
    "retry-without-limit": Case(
        "poll.s()", [[str(n)] for n in range(9)], outcomes=("retried",) * 8 + ("succeeded",)
    ),
    "retry-after-error": Case("fail_once.s()", [["0"], ["1"]], outcomes=("failed", "succeeded")),
}
# Calls that need an unsupported feature, and a word of the error.
REFUSED = {
    "chord": ("chord([add.s(1, 2)], tell.s())", "chords"),
    "chord-in-chain": ("chain(tell.si(0), group(add.s(1, 2), add.s(3, 4)), tell.s())", "chords"),
    "priority": ("tell.s(1).set(priority=5)", "priority"),
    "time-limit": ("tell.s(1).set(time_limit=5)", "time_limit"),
    "priority-in-a-chain": ("chain(tell.si(1), tell.si(2), tell.si(3).set(priority=5))", "priority"),
    "priority-of-a-link": ("tell.s(1).set(link=[tell.si(2).set(priority=5)])", "priority"),
    "time-limit-of-a-link": ("tell.s(1).set(link_error=tell.si(2).set(time_limit=5))", "time_limit"),
    "unserializable": ("tell.s(object())", "serializ"),
    "pickle": ("tell.s(1).set(serializer='pickle')", "accept_content"),
    "yaml": ("tell.s(1).set(serializer='yaml')", "accept_content"),
    "exchange": ("tell.s(1).set(exchange='ex', routing_key='rk')", "name a queue"),
    "fanout": (
        "tell.s(1).set(queue=__import__('kombu.common').common.Broadcast('all'))",
        "name a queue",
    ),
    "revoke": ("app.AsyncResult('some').revoke()", "remote control"),
    "revoke-by-control": ("app.control.revoke('some', terminate=True)", "remote control"),
    "revoke-group": ("app.GroupResult('some', [app.AsyncResult('other')]).revoke()", "remote control"),
    "rate-limit": ("app.control.rate_limit('tell', '1/m')", "remote control"),
    "shutdown": ("app.control.shutdown()", "remote control"),
    "ping": ("app.control.ping()", "remote control"),
    "inspect": ("app.control.inspect().active()", "remote control"),
    "purge": ("app.control.purge()", "purge"),
}
# Code that celery accepts but this worker ignores, and a word of the message.
WITHOUT_EFFECT = {
    "beat": ("\n\napp.conf.beat_schedule = {'each': {'task': 'tell', 'schedule': 1.0}}\n", "beat_schedule"),
    "add-periodic-task": ('\n\napp.add_periodic_task(10.0, tell.s("each"))\n', "beat_schedule"),
    "time-limit": ("\n\napp.conf.task_soft_time_limit = 60\n", "task_soft_time_limit"),
    "async": ("\n\n@app.task\nasync def ponder():\n    pass\n", "ponder"),
    "async-shared": ("\n\n@shared_task\nasync def ponder():\n    pass\n", "ponder"),
    "acknowledged-early": ("\n\n@app.task(acks_late=False)\ndef early():\n    pass\n", "acks_late"),
    "class-of-celery": (
        """

import celery


class Own(celery.Task):
    pass


@app.task(base=Own)
def owned():
    pass
""",
        "app.Task",
    ),
}
