"""Maintained by `copier update`. The jobs that failed at every attempt.

They are kept for a week.
"""

import json
import time
import traceback
from typing import Any

from . import transport

KEY = "celery:failed"  # each job by its id
TIMES = "celery:failed:times"  # the time of the failure by the job's id
KEEP_SECONDS = 7 * 24 * 3600


def keep(job: dict[str, Any], error: BaseException | None) -> None:
    """Add a job, and delete those that are too old."""
    told = "".join(traceback.format_exception(error)) if error else "It killed its workers."
    now = time.time()
    old: Any = transport.client.zrangebyscore(TIMES, 0, now - KEEP_SECONDS)
    with transport.client.pipeline() as pipeline:
        pipeline.hset(KEY, job["id"], json.dumps({**job, "traceback": told}, default=repr))
        pipeline.zadd(TIMES, {job["id"]: now})
        for job_id in old:
            pipeline.hdel(KEY, job_id)
            pipeline.zrem(TIMES, job_id)
        pipeline.execute()


class Failed:
    """The failed jobs, which `shell` calls `failed`."""

    def list(self) -> list[dict[str, Any]]:
        """Return the failed jobs, each with id, name, args, kwargs, queue and last traceback.

        A message that no worker could read has no arguments, but its text as `message`.
        """
        found: Any = transport.client.hvals(KEY)
        return [json.loads(data) for data in found]

    def retry(self, job: dict[str, Any]) -> None:
        """Enqueue a job again, with all its attempts."""
        from .jobs_queue import app

        if "message" in job:  # one that no worker could read
            transport.put_now(job["queue"], job["message"])
        else:
            app.send_task(
                job["name"], job["args"], job["kwargs"], task_id=job["id"], queue=job["queue"]
            )
        self.drop(job)

    def drop(self, job: dict[str, Any]) -> None:
        """Delete a job."""
        transport.client.hdel(KEY, job["id"])
        transport.client.zrem(TIMES, job["id"])
