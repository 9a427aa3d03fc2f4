"""IX, disposability: no job in Postgres is ever lost; test_08_jobs.py has those in Redis."""

import signal
from pathlib import Path

import httpx
import pytest

from tests.factors.conftest import Launch
from tests.support import chaos, outages
from tests.support import postgres as pg
from tests.support.jobs import InPostgres, procrastinate, released, shell
from tests.support.procrastinate_idioms import TASKS
from tests.support.project import Project
from tests.support.relay import Relay
from tests.support.service import Service, eventually


@pytest.mark.every_framework
def test_a_job_has_the_id_of_its_request(launch: Launch) -> None:
    """C-12, and the job of a committed note is never missing."""
    web, worker = launch("web"), launch()
    created = httpx.post(f"{web.url}/notes", json={"text": "one two three"}, headers={"X-Request-ID": "r-1"})
    assert created.json()["words"] is None
    job = worker.wait_event("job", outcome="succeeded")
    assert (job["request_id"], job["job"], job["attempt"]) == ("r-1", "count_words", 1)
    assert httpx.get(f"{web.url}{created.headers['location']}").json()["words"] == 3


def test_a_request_that_is_rolled_back_enqueues_nothing(queue: InPostgres, launch: Launch) -> None:
    """C-10: the note cannot be committed, and so has no job either."""
    queue.database.execute(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$"
    )
    queue.database.execute(
        "CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON notes DEFERRABLE INITIALLY DEFERRED "
        "FOR EACH ROW EXECUTE FUNCTION refuse()"
    )
    assert httpx.post(f"{launch('web').url}/notes", json={"text": "one"}).status_code == 500
    assert queue.states() == {}


@pytest.mark.parametrize("how", chaos.SIGNALS)
def test_sigterm_lets_a_job_finish(queue: InPostgres, launch: Launch, how: str) -> None:
    """C-16"""
    queue.enqueue("probe", {"key": 1, "seconds": 2}, {"key": 2, "seconds": 0})
    worker = launch(WORKER_CONCURRENCY="1")
    worker.wait_event("probe has begun")
    chaos.send(worker, how)
    assert worker.wait() == 0
    assert queue.keys("ended") == [1]
    assert queue.states() == {"todo": 1}


@pytest.mark.every_framework
def test_a_job_that_outlasts_the_grace_goes_back(queue: InPostgres, launch: Launch) -> None:
    """C-15, C-16: and the worker ends, though a thread cannot be cancelled."""
    queue.enqueue("probe", {"key": 1, "seconds": 60})
    worker = launch(SHUTDOWN_GRACE_SECONDS="0.5")
    worker.wait_event("probe has begun")
    worker.terminate()
    assert worker.wait() == 0
    assert worker.find("job", outcome="given back")
    assert queue.states() == {"todo": 1}


@pytest.mark.long
@pytest.mark.parametrize(
    ("job", "attempts"),
    [("probe", 0), ("tireless", 6), pytest.param("patient", 48, marks=pytest.mark.variants)],
)
def test_the_job_of_a_killed_worker_runs_on_another(
    queue: InPostgres, launch: Launch, job: str, attempts: int
) -> None:
    """C-16: within 60 s, and as often as the job's own policy allows."""
    queue.enqueue(job, {"key": 1, "seconds": 1})
    queue.database.execute("UPDATE procrastinate_jobs SET attempts = %s", attempts)
    killed = launch()
    eventually(lambda: queue.keys("begun") == [1], "beginning")
    other = launch()
    killed.signal(signal.SIGKILL, "all")
    other.wait_event("job", outcome="succeeded", timeout=60)
    assert queue.keys("begun") == [1, 1]
    assert queue.keys("ended") == [1]


@pytest.mark.long
def test_a_job_that_kills_its_workers_is_given_up(queue: InPostgres, launch: Launch) -> None:
    """C-16, at its last attempt; it stays where it can be found, and the queue goes on."""
    queue.enqueue("poison", {})
    queue.database.execute("UPDATE procrastinate_jobs SET attempts = 5 WHERE task_name = 'poison'")
    assert launch().wait() == -signal.SIGKILL
    other = launch()
    other.wait_event("job given up", timeout=60)
    assert queue.states() == {"failed": 1}
    queue.enqueue("probe", {"key": 1, "seconds": 0})
    other.wait_event("job", outcome="succeeded")


def test_the_next_release_runs_its_jobs(queue: InPostgres, launch: Launch, tmp_path: Path) -> None:
    """C-16: also one that a worker of the release before has taken, which does not know it."""
    before = queue.project.copy(tmp_path / "before")
    jobs = before.package / "jobs.py"
    jobs.write_text(jobs.read_text().partition(procrastinate(before) + TASKS)[0])
    old = Service(before, queue.environment, queue.variables, before.procfile()["worker"])
    try:
        queue.enqueue("probe", {"key": 1, "seconds": 0})
        old.wait_event("job", outcome="failed", attempt=1)
        old.terminate()
        assert old.wait() == 0
    finally:
        old.kill()
    assert launch().wait_event("job", outcome="succeeded")["attempt"] == 2


def test_a_job_that_no_release_knows_any_more_is_kept(queue: InPostgres, launch: Launch) -> None:
    """C-16: as failed after its last attempt, and the queue goes on."""
    queue.enqueue("probe", {"key": 1, "seconds": 0})
    queue.database.execute("UPDATE procrastinate_jobs SET task_name = 'gone', attempts = 5")
    queue.enqueue("probe", {"key": 2, "seconds": 0})
    worker = launch()
    worker.wait_event("job", outcome="succeeded")
    assert worker.wait_event("job", outcome="failed", attempt=6)["job"] == "gone"
    eventually(lambda: queue.states() == {"failed": 1}, "end of the other")


def test_a_worker_waits_for_its_database(queued: Project, shared: Path) -> None:
    """C-19, at the boot and later."""
    with pg.running() as server:
        queue = released(queued, shared, server)
        server.stop()
        worker = Service(queued, queue.environment, queue.variables, queued.procfile()["worker"])
        try:
            worker.wait_event("service unavailable")
            server.start()
            worker.wait_event("working")
            server.restart("immediate")
            queue.enqueue("probe", {"key": 1, "seconds": 0})
            eventually(lambda: queue.keys("ended") == [1], "job")
            worker.terminate()
            assert worker.wait() == 0
        finally:
            worker.kill()


@pytest.mark.long
@pytest.mark.variants
def test_a_worker_waits_whatever_postgres_does(queued: Project, shared: Path) -> None:
    """C-19, C-16: slow, reset, frozen, read-only: it lives, no job is lost, and SIGTERM is obeyed."""
    with pg.running() as server, Relay(server.port) as relay:
        queue = released(queued, shared, server)
        url = queue.database.url.replace(str(server.port), str(relay.port))
        given = {**queue.variables, "DATABASE_URL": url}
        worker = Service(queued, queue.environment, given, queued.procfile()["worker"])
        try:
            worker.wait_event("working")
            for number, hurt in enumerate(outages.FAULTS):
                queue.enqueue("probe", *({"key": 10 * number + key, "seconds": 0.1} for key in range(10)))
                hurt(server, relay)
                eventually(
                    lambda n=number: len(set(queue.keys("ended"))) == 10 * (n + 1),  # type: ignore[misc]
                    f"end of all after {hurt.__name__}",
                    timeout=90,
                )
            assert worker.process.poll() is None
            worker.terminate()
            assert worker.wait() == 0
        finally:
            worker.kill()


@pytest.mark.long
def test_a_job_that_cannot_be_rescued_stops_no_other(queue: InPostgres, launch: Launch) -> None:
    """C-16: another waits in its place, by their queueing lock; and that one runs, and the rest, too."""
    sync = "probe.configure(lock='sync', queueing_lock='sync').defer(key={}, seconds=60)\n"
    shell(queue, sync.format(1) + "probe.defer(key=3, seconds=60)\n")
    killed = launch()
    eventually(lambda: sorted(queue.keys("begun")) == [1, 3], "beginning")
    shell(queue, sync.format(2))
    killed.signal(signal.SIGKILL, "all")
    other = launch()
    eventually(lambda: sorted(queue.keys("begun")) == [1, 2, 3, 3], "others", timeout=60)
    assert not other.find("rescue failed")
    assert queue.states() == {"doing": 2, "failed": 1}


def test_a_job_that_cannot_be_tried_again_blocks_no_other(queue: InPostgres, launch: Launch) -> None:
    """C-16: the same where a job fails while another waits with its queueing lock."""
    sync = "fail.configure(lock='sync', queueing_lock='sync').defer(key={})\n"
    shell(queue, sync.format(1))
    worker = launch()
    eventually(lambda: queue.keys("begun") == [1], "beginning")
    shell(queue, sync.format(2))
    flag = queue.project.path / "fail-now"
    try:
        flag.touch()
        worker.wait_event("job given up")
        eventually(lambda: queue.keys("begun")[1:2] == [2], "other")
    finally:
        flag.unlink()


@pytest.mark.long
@pytest.mark.asgi
def test_a_job_that_blocks_the_loop_runs_once(queue: InPostgres, launch: Launch) -> None:
    """C-16: its worker lives, whatever its event loop does."""
    shell(queue, "block.defer(key=1, seconds=30)\n")
    first, second = launch(), launch()
    first.wait_event("working")
    second.wait_event("working")
    eventually(lambda: queue.keys("ended") == [1], "end", timeout=60)
    assert queue.keys("begun") == [1]


@pytest.mark.every_framework
def test_a_job_goes_back_whatever_its_retry_says(queue: InPostgres, launch: Launch) -> None:
    """C-16: a task as the documentation declares it, at its last attempt too, runs on another worker."""
    attempts = {"plain": 0, "probe": 5, "tireless": 6, "patient": 50}
    for key, (job, count) in enumerate(attempts.items()):
        shell(queue, f"{job}.defer(key={key}, seconds=8)\n")
        done = "UPDATE procrastinate_jobs SET attempts = %s WHERE args->>'key' = %s"
        queue.database.execute(done, count, str(key))
    keys = [*range(len(attempts))]
    worker = launch(SHUTDOWN_GRACE_SECONDS="1")
    eventually(lambda: sorted(queue.keys("begun")) == keys, "beginning")
    worker.terminate()
    assert worker.wait() == 0
    ended = [event["attempt"] for event in worker.find("job", outcome="given back")]
    assert sorted(ended) == [count + 1 for count in attempts.values()]
    assert queue.states() == {"todo": len(attempts)}
    launch()
    eventually(lambda: sorted(queue.keys("begun")) == sorted(keys * 2), "other beginning")
