"""VIII, concurrency: what the documentation of procrastinate enqueues (C-28)."""

import pytest

from extensions.context import ON_WSGI
from tests.factors.conftest import Launch
from tests.support.jobs import InPostgres, shell
from tests.support.procrastinate_idioms import TOLD, TWICE
from tests.support.service import eventually


@pytest.mark.parametrize("how", ["defer", "batch_defer"])
def test_what_is_enqueued_already_costs_a_request_nothing(queue: InPostgres, how: str) -> None:
    """C-10, C-28: `except AlreadyEnqueued` keeps what the transaction holds besides, before and after."""
    framework = str(queue.project.answers()["framework"])
    kind = framework if framework in TWICE else "wsgi" if framework in ON_WSGI else "asgi"
    call = f"{how}_async" if kind == "asgi" else how
    arguments = "note_id=1" if how == "defer" else "dict(note_id=1)"
    script = TWICE[kind].format(name=queue.project.name, defer=f"{call}({arguments})")
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
