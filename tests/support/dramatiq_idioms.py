"""The ways to enqueue jobs in dramatiq's documentation: jobs for a service, calls, and their outcomes."""

from .cases import Case

JOBS = """

import asyncio
import json
import uuid
from datetime import UTC, datetime

import structlog
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


@dramatiq.actor
async def ponder():
    await asyncio.sleep(0.1)
    tell(structlog.contextvars.get_contextvars()["job"])


@dramatiq.actor(max_retries=1, min_backoff=1, max_backoff=1, on_retry_exhausted="tell_end")
def fail():
    raise ValueError("always")


@dramatiq.actor(throws=ValueError)
def throw():
    raise ValueError("expected")


@dramatiq.actor
def tell_end(message, retried):
    tell(message["actor_name"], retried["max_retries"])


@dramatiq.actor
def tell_success(message, result):
    tell(message["actor_name"], result)


@dramatiq.actor
def tell_failure(message, error):
    tell(message["actor_name"], error["type"])


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

CASES = {
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
    "max-age": Case("young.message().copy(message_timestamp=1)", [], outcomes=("skipped",), kept=1),
    "max-age-of-the-message": Case(
        "tell.message_with_options(args=(1,), max_age=1).copy(message_timestamp=1)",
        [],
        outcomes=("skipped",),
        kept=1,
    ),
    "async": Case("ponder.message()", [["ponder"]]),
    "exhausted": Case("fail.message()", [["fail", "1"]], outcomes=("failed", "failed", "succeeded"), kept=1),
    "throws": Case(
        "throw.message_with_options(on_failure=tell_failure)",
        [["throw", "ValueError"]],
        outcomes=("failed", "succeeded"),
        kept=1,
    ),
    "on-success": Case(
        "add.message_with_options(args=(1, 2), on_success=tell_success)", [["1", "2"], ["add", "3"]]
    ),
    "own-middleware": Case("badged.message()", [["badged"], ["sheriff"]], outcomes=("succeeded",)),
    "retry-for-long": Case(
        "poll.message()", [[str(n)] for n in range(1, 10)], outcomes=("retried",) * 8 + ("succeeded",)
    ),
}
# Calls that need an unsupported feature, and a word of the error.
REFUSED = {
    "callback": ("called_back()", "GroupCallbacks"),
    "unserializable": ("tell.message(object())", "serializ"),
}
