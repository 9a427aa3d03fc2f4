"""The queue: procrastinate, in the application's own Postgres."""

from typing import Any, cast

import psycopg
import structlog
from procrastinate import App, PsycopgConnector, RetryStrategy, SyncPsycopgConnector
from procrastinate.jobs import Job
from procrastinate.manager import JobManager
from sqlalchemy.ext.asyncio import AsyncSession

from ..settings import Settings

ATTEMPTS = 6
# A job that fails is tried again after 3, 9, 27 … seconds, and kept as failed after the last time.
RETRY = RetryStrategy(max_attempts=ATTEMPTS - 1, exponential_wait=3)
REQUEST_ID = "_request_id"  # among the arguments of a job, and taken out before it runs


class _Manager(JobManager):
    """Sends the id of the request along with what it enqueues."""

    async def batch_defer_jobs_async(self, jobs: list[Job], connection: Any = None) -> list[Job]:
        if request_id := structlog.contextvars.get_contextvars().get("request_id"):
            sent = {REQUEST_ID: request_id}
            jobs = [job.evolve(task_kwargs=job.task_kwargs | sent) for job in jobs]
        return await super().batch_defer_jobs_async(jobs, connection)


# `web` enqueues on the connections of its requests, and so this one is never opened there.
app = App(connector=PsycopgConnector(), import_paths=[f"{__name__.split('.')[0]}.jobs"])
app.job_manager = _Manager(app.connector)


def sync_connector(settings: Settings) -> SyncPsycopgConnector:
    """What one-off processes reach the queue with."""
    connector = SyncPsycopgConnector(conninfo=settings.database_url.get_secret_value(), min_size=1)
    connector.open()
    return connector


async def connection_of(session: AsyncSession) -> psycopg.AsyncConnection[Any]:
    """What `configure(connection=…)` takes: the job exists once the transaction is committed."""
    connection = await session.connection()
    raw = await connection.get_raw_connection()
    return cast(psycopg.AsyncConnection[Any], raw.driver_connection)
