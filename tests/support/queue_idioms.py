"""The ways to enqueue jobs in the documentation of the queues in Redis, and how a test runs them."""

from . import celery_failures, celery_idioms, dramatiq_idioms
from .cases import Case
from .celery_failures import FAILING_AROUND
from .celery_idioms import WITHOUT_EFFECT

__all__ = [
    "ALONE",
    "CASES",
    "CONSOLE",
    "DIRECTLY",
    "FAILING_AROUND",
    "HOLD",
    "HOLDING",
    "HOLD_IN_DJANGO",
    "JOBS",
    "REFUSED",
    "WITHOUT_EFFECT",
    "Case",
]

JOBS = {"celery": celery_idioms.JOBS + celery_failures.JOBS, "dramatiq": dramatiq_idioms.JOBS}
CASES = {"celery": celery_idioms.CASES | celery_failures.CASES, "dramatiq": dramatiq_idioms.CASES}
REFUSED = {"celery": celery_idioms.REFUSED, "dramatiq": dramatiq_idioms.REFUSED}
# Runs in the service's shell: it executes the code that the tests put into a list.
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

# A job that holds a connection for two seconds.
HOLD = """

from sqlalchemy import text

from .db import transaction


@{declare}
def hold():
    with transaction() as session:
        session.execute(text("SELECT pg_sleep(2)"))
"""
HOLD_IN_DJANGO = """

from concurrent.futures import ThreadPoolExecutor

from django.db import connection


@{declare}
def hold():
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(2)")


@{declare}
def spread():
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: hold(), range(8)))
"""

# A job that runs an event loop of its own, and in it two transactions at a time.
ALONE = """

import asyncio

from sqlalchemy import text

from .db import transaction


@{declare}
def alone() -> None:
    async def hold() -> None:
        async with transaction() as session:
            await session.execute(text("SELECT pg_sleep(0.3)"))

    async def main() -> None:
        await asyncio.gather(hold(), hold())

    asyncio.run(main())
"""
HOLDING = "SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND query = 'SELECT pg_sleep(0.3)'"
