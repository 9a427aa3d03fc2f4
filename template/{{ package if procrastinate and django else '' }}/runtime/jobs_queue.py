"""Slipway's: kept current by `copier update`. The queue: procrastinate, as an app of Django's."""

from collections.abc import Iterable
from typing import Any

import structlog
from django.db import transaction
from procrastinate import App, RetryStrategy
from procrastinate.contrib.django import app
from procrastinate.exceptions import TaskNotFound, UniqueViolation
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager

log = structlog.get_logger(__name__)

ATTEMPTS = 6
# A job that fails is tried again after 3, 9, 27 … seconds, and kept as failed after the last time.
RETRY = RetryStrategy(max_attempts=ATTEMPTS - 1, exponential_wait=3)
REQUEST_ID = "_request_id"  # among the arguments of a job, and taken out before it runs


class _Manager(JobManager):
    """Sends the id of the request along with what it enqueues, and keeps one failure to one job."""

    worker_id: int | None = None

    def batch_defer_jobs(self, jobs: list[Job], connection: Any = None) -> list[Job]:
        if request_id := structlog.contextvars.get_contextvars().get("request_id"):
            sent = {REQUEST_ID: request_id}
            jobs = [job.evolve(task_kwargs=job.task_kwargs | sent) for job in jobs]
        with transaction.atomic():  # a request may take AlreadyEnqueued for an answer
            return super().batch_defer_jobs(jobs, connection)

    async def fetch_job(self, queues: Iterable[str] | None, worker_id: int) -> Job | None:
        """Take a job; one that only another release knows fails, and is tried again.

        procrastinate 3.10 would let it fail for good.
        """
        job = await super().fetch_job(queues, worker_id)
        if job and job.task_name not in app.tasks:
            app.task(name=job.task_name, retry=RETRY)(_unknown)
        return job

    async def register_worker(self) -> int:
        """Remember this worker's id, for its heartbeats."""
        self.worker_id = await super().register_worker()
        return self.worker_id

    async def retry_job(self, job: Job, *arguments: Any, **options: Any) -> None:
        """Put a job back, or keep it as failed where another waits already in its place.

        procrastinate 3.10 would raise, and keep it as one that runs.
        """
        try:
            await super().retry_job(job, *arguments, **options)
        except UniqueViolation:
            await self.finish_job(job, Status.FAILED, delete_job=False)
            lock = job.queueing_lock
            log.error("job given up", stalled=job.task_name, id=job.id, queueing_lock=lock)


async def _unknown(**_arguments: object) -> None:
    raise TaskNotFound  # a worker of that release may make the next attempt


def prepare(made: App) -> None:
    """Finish the app, once Django has made it: see PROCRASTINATE_ON_APP_READY."""
    made.job_manager = _Manager(made.connector)
