"""`worker`: runs the jobs, and gives back what it cannot finish.

procrastinate's own command ends at a second SIGTERM with its jobs unfinished, and Heroku may send
several; and it never looks for the jobs of a worker that was killed.
"""

import asyncio
import contextlib
import signal
import time
from typing import Any

import structlog
from procrastinate import JobContext, PsycopgConnector
from procrastinate.exceptions import ConnectorException, JobAborted
from procrastinate.jobs import Status

from ..settings import Settings
from .drain import Drain
from .postgres import CONNECTION, Database, outage
from .queue import ATTEMPTS, REQUEST_ID, app

log = structlog.get_logger(__name__)

HEARTBEAT_SECONDS = 5
STALLED_SECONDS = 15  # without a heartbeat, after which the jobs of a worker are given to others


def run(settings: Settings) -> int:
    """Work until a signal ends it, and return the exit status."""
    log.info("starting", version=settings.version)
    asyncio.run(_work(settings))
    log.info("stopped")
    return 0


async def _work(settings: Settings) -> None:
    stop, database = asyncio.Event(), Database(settings)
    drain = Drain(0, settings.shutdown_grace_seconds)
    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, drain.begin, stop.set)
    while not stop.is_set():
        try:
            await database.ping()  # which tells at once; the pool below would try for 30 s
            await _serve_queue(settings, database, stop)
        except Exception as error:
            cause = error.__cause__ if isinstance(error, ConnectorException) else error
            if not (reason := outage(cause or error)):
                raise
            log.error("service unavailable", service="postgres", reason=reason)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), 1)
    await database.close()


async def _serve_queue(settings: Settings, database: Database, stop: asyncio.Event) -> None:
    connector = PsycopgConnector(
        conninfo=settings.database_url.get_secret_value(),
        kwargs=CONNECTION,
        min_size=1,
        max_size=3,  # besides the pool of the jobs and one connection that listens
        timeout=5,
    )
    with app.replace_connector(connector):
        async with app.open_async():
            worker = asyncio.create_task(
                app.run_worker_async(
                    concurrency=settings.worker_concurrency,
                    shutdown_graceful_timeout=settings.shutdown_grace_seconds,
                    update_heartbeat_interval=HEARTBEAT_SECONDS,
                    stalled_worker_timeout=STALLED_SECONDS,
                    delete_jobs="successful",
                    install_signal_handlers=False,
                    additional_context={"database": database},
                    worker_middleware=[_log_job],
                )
            )
            stopped = asyncio.create_task(stop.wait())
            log.info("working", concurrency=settings.worker_concurrency)
            await asyncio.wait({worker, stopped}, return_when=asyncio.FIRST_COMPLETED)
            stopped.cancel()
            worker.cancel()  # takes no new job, and returns when the others have ended
            with contextlib.suppress(asyncio.CancelledError):
                await worker


async def _log_job(call_next: Any, context: JobContext, _worker: Any) -> Any:
    """Put the job's ids on all its events, and log one event at its end."""
    job, began, outcome = context.job, time.perf_counter(), "succeeded"
    ids: dict[str, Any] = {"job_id": job.id, "job": job.task_name}
    if request_id := job.task_kwargs.pop(REQUEST_ID, None):
        ids["request_id"] = request_id
    with structlog.contextvars.bound_contextvars(**ids):
        try:
            return await call_next()
        except (asyncio.CancelledError, JobAborted):
            outcome = "given back"
            raise
        except Exception:
            outcome = "failed"
            log.exception("job failed")
            raise
        finally:
            (log.debug if job.task_name == "rescue" else log.info)(
                "job",
                queue=job.queue,
                outcome=outcome,
                attempt=job.attempts + 1,
                duration_ms=round((time.perf_counter() - began) * 1000, 1),
            )


@app.periodic(cron="* * * * * */10")
@app.task(name="rescue", queueing_lock="rescue", pass_context=True, priority=1)  # before the others
async def rescue(context: JobContext, timestamp: int) -> None:
    """Give the jobs of workers that were killed to others, or up, if they may be what kills."""
    manager = context.app.job_manager
    for job in await manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_SECONDS):
        if job.task_name == "rescue":
            await manager.finish_job(job, Status.ABORTED, delete_job=True)
        elif job.attempts + 1 < ATTEMPTS:
            await manager.retry_job(job)
            log.warning("job rescued", stalled=job.task_name, id=job.id, attempt=job.attempts + 1)
        else:
            await manager.finish_job(job, Status.FAILED, delete_job=False)
            log.error("job given up", stalled=job.task_name, id=job.id, attempt=job.attempts + 1)
