"""The queue: procrastinate, in the application's own Postgres, as an app of Django's."""

from typing import Any

import structlog
from procrastinate import App, RetryStrategy
from procrastinate.jobs import Job
from procrastinate.manager import JobManager

ATTEMPTS = 6
# A job that fails is tried again after 3, 9, 27 … seconds, and kept as failed after the last time.
RETRY = RetryStrategy(max_attempts=ATTEMPTS - 1, exponential_wait=3)
REQUEST_ID = "_request_id"  # among the arguments of a job, and taken out before it runs


class _Manager(JobManager):
    """Sends the id of the request along with what it enqueues."""

    def batch_defer_jobs(self, jobs: list[Job], connection: Any = None) -> list[Job]:
        if request_id := structlog.contextvars.get_contextvars().get("request_id"):
            sent = {REQUEST_ID: request_id}
            jobs = [job.evolve(task_kwargs=job.task_kwargs | sent) for job in jobs]
        return super().batch_defer_jobs(jobs, connection)


def prepare(app: App) -> None:
    """Finish the app, once Django has made it: see PROCRASTINATE_ON_APP_READY."""
    app.job_manager = _Manager(app.connector)
