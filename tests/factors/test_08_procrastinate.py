"""VIII, concurrency: what the documentation of procrastinate enqueues (C-28)."""

from pathlib import Path

import httpx
import pytest

from extensions.context import ON_WSGI
from tests.factors.conftest import Launch
from tests.support import postgres as pg
from tests.support import variants
from tests.support.jobs import InPostgres, released, shell
from tests.support.patience import SLACK
from tests.support.procrastinate_idioms import (
    OPENED,
    OPENED_BLOCKING,
    PARENTS,
    RAISING,
    ROUTES,
    TOLD,
    TWICE,
)
from tests.support.project import Project
from tests.support.service import Service, eventually


@pytest.mark.parametrize("how", ["defer", "batch_defer", "defer_async", "batch_defer_async"])
def test_what_is_enqueued_already_costs_a_request_nothing(queue: InPostgres, how: str) -> None:
    """C-10, C-28: `except AlreadyEnqueued` keeps what the transaction holds besides, before and after."""
    framework = str(queue.project.answers()["framework"])
    kind = framework if framework in TWICE else "wsgi" if framework in ON_WSGI else "asgi"
    if kind != "asgi" and how.endswith("_async"):
        pytest.skip("Its requests enqueue in blocking code.")
    kind = "asgi, blocking" if kind == "asgi" and not how.endswith("_async") else kind
    arguments = "dict(note_id=1)" if how.startswith("batch") else "note_id=1"
    script = TWICE[kind].format(name=queue.project.name, defer=f"{how}({arguments})")
    assert shell(queue, script) == "already enqueued\n"
    assert queue.database.execute("SELECT text FROM notes ORDER BY id") == [("first",), ("last",)]
    assert queue.states() == {"todo": 1}


def test_priorities_and_times_are_kept(queue: InPostgres, launch: Launch) -> None:
    """C-28: `priority`, `schedule_in` and a batch."""
    shell(
        queue,
        "probe.batch_defer(dict(key=1, seconds=0), dict(key=2, seconds=0))\n"
        "probe.configure(priority=5).defer(key=3, seconds=0)\n"
        "probe.configure(priority=-5).defer(key=4, seconds=0)\n"
        "probe.configure(priority=9, schedule_in={'hours': 6}).defer(key=5, seconds=0)\n",
    )
    launch(WORKER_CONCURRENCY="1")
    eventually(lambda: len(queue.keys("ended")) == 4, "end")
    assert queue.keys("begun") == [3, 1, 2, 4]
    eventually(lambda: queue.states() == {"todo": 1}, "wait")


def test_what_the_documentation_shows(queue: InPostgres, launch: Launch) -> None:
    """C-28: tasks of a blueprint, of a queue, with an alias, with a context and with a retry of their own."""
    shell(queue, "\n".join(TOLD))
    worker = launch()
    for told in TOLD.values():
        worker.wait_event(told)
    eventually(lambda: queue.states() == {}, "end")


def test_a_lock_is_held_by_one(queue: InPostgres, launch: Launch) -> None:
    """C-28: also where two workers have free places."""
    shell(queue, "for key in (1, 2, 3): probe.configure(lock='one').defer(key=key, seconds=0.5)\n")
    launch()
    launch()
    eventually(lambda: len(queue.keys("ended")) == 3, "end")
    runs = queue.database.execute("SELECT key, what FROM runs ORDER BY at")
    assert runs == [(key, what) for key in (1, 2, 3) for what in ("begun", "ended")]


@pytest.mark.parametrize("job", ["polite.defer()", "probe.defer(key=1, seconds=60)"])
def test_a_job_that_is_aborted(queue: InPostgres, launch: Launch, job: str) -> None:
    """C-28: by its own code or in its `await`; a job that waits is cancelled."""
    if job.startswith("probe") and str(queue.project.answers()["framework"]) in ON_WSGI:
        pytest.skip("Code that blocks asks `should_abort` itself.")
    shell(queue, f"app.job_manager.cancel_job_by_id(probe.defer(key=2, seconds=0))\n{job}\n")
    worker = launch()
    eventually(lambda: queue.keys("begun") == [1], "beginning")
    [[job_id]] = queue.database.execute(
        "SELECT id FROM procrastinate_jobs WHERE status = 'doing' AND task_name <> 'rescue'"
    )
    shell(queue, f"app.job_manager.cancel_job_by_id({job_id}, abort=True)\n")
    assert worker.wait_event("job", job_id=job_id)["outcome"] == "aborted"
    eventually(lambda: queue.states() == {"cancelled": 1, "aborted": 1}, f"end but {queue.states()}")


@pytest.mark.every_framework
def test_what_a_job_raises_is_a_failed_attempt(queue: InPostgres, launch: Launch) -> None:
    """C-28: also what is no `Exception`; the task's own `retry` decides, and the worker lives on."""
    shell(queue, "".join(f"{job}.defer()\n" for job in RAISING))
    worker = launch()
    eventually(lambda: queue.states() == {"failed": len(RAISING)}, f"end but {queue.states()}")
    worker.wait_event("job", outcome="failed", count=2 * len(RAISING))  # it comes after the end in Postgres
    for job, told in RAISING.items():
        ended = [event for event in worker.events if event.get("job", "").endswith(f".{job}")]
        outcomes = [(each["attempt"], each["outcome"]) for each in ended if each["event"] == "job"]
        assert outcomes == [(1, "failed"), (2, "failed")], job
        failures = [str(each["exception"]) for each in ended if each["event"] == "job failed"]
        assert [told in each for each in failures] == [True, True], job
    queue.enqueue("probe", {"key": 1, "seconds": 0})
    eventually(lambda: queue.keys("ended") == [1], "other job")
    assert not worker.find("Task exception was never retrieved")


@pytest.mark.every_framework
def test_a_job_of_a_job_has_the_id_of_the_request(queue: InPostgres, launch: Launch) -> None:
    """C-12: whichever way the job enqueues it."""
    bind = "import structlog\nstructlog.contextvars.bind_contextvars(request_id='r-1')\n"
    shell(queue, bind + "".join(f"{job}.defer(key={key})\n" for key, job in enumerate(PARENTS)))
    worker = launch()
    worker.wait_event("job", count=2 * len(PARENTS), outcome="succeeded", request_id="r-1")
    assert sorted(queue.keys("ended")) == [*range(len(PARENTS))]


@pytest.mark.asgi
def test_a_pool_or_a_connection_of_ones_own(queue: InPostgres) -> None:
    """C-12, C-28: `app.open_async()`, for requests that overlap, and connections without a transaction."""
    assert shell(queue, OPENED).splitlines() == ["already enqueued"] * 3
    assert queue.states() == {"todo": 13}
    sent = queue.database.execute("SELECT DISTINCT args->>'_request_id' FROM procrastinate_jobs")
    assert sent == [("r-1",)]


@pytest.mark.every_framework
def test_a_pool_of_ones_own_in_blocking_code(queue: InPostgres) -> None:
    """C-12, C-28: `app.open()`, and what is enqueued before and after it."""
    if queue.project.answers()["framework"] == "django":
        pytest.skip("It enqueues on Django's connection.")
    shell(queue, OPENED_BLOCKING)
    assert queue.states() == {"todo": 4}
    sent = queue.database.execute("SELECT DISTINCT args->>'_request_id' FROM procrastinate_jobs")
    assert sent == [("r-1",)]


@pytest.mark.asgi
def test_a_request_that_enqueues_by_itself(queued: Project, shared: Path, tmp_path: Path) -> None:
    """C-19, C-28: it gets a 503 while Postgres is away at its first use, and works after that."""
    if queued.answers()["framework"] != variants.LEADING:
        pytest.skip("The queue's code is the same.")
    project = queued.copy(tmp_path / "project")
    project.append("routes.py", ROUTES)
    with pg.running() as server:
        queue = released(project, shared, server)
        web = Service(project, queue.environment, queue.variables, project.procfile()["web"])
        try:
            urls = [f"{web.url}/enqueue", f"{web.url}/enqueue-async"]
            server.stop()
            assert [httpx.post(url, timeout=2 + SLACK).status_code for url in urls] == [503, 503]
            server.start()
            for url in urls:
                eventually(lambda url=url: httpx.post(url).status_code == 200, url)  # type: ignore[misc]
            assert queue.states() == {"todo": 2}
        finally:
            web.kill()


def test_jobs_with_event_loops_of_their_own(queue: InPostgres, launch: Launch) -> None:
    """C-28: `asyncio.run` in many blocking jobs at once, next to those in the worker's loop."""
    if str(queue.project.answers()["framework"]) in ON_WSGI:
        pytest.skip("Its sessions block.")
    shell(queue, "for key in range(8): alone.defer(), probe.defer(key=key, seconds=0.1)\n")
    worker = launch()
    worker.wait_event("job", outcome="succeeded", count=16)
    assert not worker.find("job failed")
