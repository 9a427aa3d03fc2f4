"""IX, disposability: no job in Postgres is ever lost; test_08_jobs.py has those in Redis."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from extensions.context import ON_WSGI
from tests.conftest import Render
from tests.support import chaos, variants
from tests.support import postgres as pg
from tests.support.jobs import InPostgres, procrastinate, shell
from tests.support.procrastinate_idioms import TWICE
from tests.support.project import Project, environment, key, once
from tests.support.service import Service, eventually

type Start = Callable[..., Service]


@pytest.fixture(scope="session", params=variants.bootable(queue="procrastinate"), ids=variants.label)
def queued(request: pytest.FixtureRequest, render: Render, shared: Path) -> Project:
    """Return a service with a queue, and with jobs of the tests. It is not to be changed."""

    def add_jobs(to: Path) -> None:
        copy = Project(render(request.param)).copy(to)
        copy.append("jobs.py", procrastinate(copy))

    return Project(once(shared / f"queued-{key(request.param)}" / "project", add_jobs))


@pytest.fixture
def queue(queued: Project, shared: Path, postgres: pg.Server) -> InPostgres:
    """Return its jobs, in a database of the test's own."""
    production = environment(shared, queued, dev=False)
    database = pg.Database(postgres, postgres.create())
    variables = {"DATABASE_URL": database.url, **queued.secrets}
    assert Service(queued, production, variables, queued.procfile()["release"]).wait() == 0
    return InPostgres(queued, production, database)


@pytest.fixture
def start(queue: InPostgres) -> Iterator[Start]:
    """Return a function that starts a process type, by default a worker; none has written to stderr."""
    started: list[Service] = []

    def start(process: str = "worker", **variables: str) -> Service:
        command = queue.project.procfile()[process]
        given = {**queue.variables, **variables}
        started.append(Service(queue.project, queue.environment, given, command))
        return started[-1]

    yield start
    for service in started:
        service.kill()
        assert not service.stderr.lines, service.report()


@pytest.mark.every_framework
def test_a_job_has_the_id_of_its_request(start: Start) -> None:
    """C-12, and the job of a committed note is never missing."""
    web, worker = start("web"), start()
    created = httpx.post(f"{web.url}/notes", json={"text": "one two three"}, headers={"X-Request-ID": "r-1"})
    assert created.json()["words"] is None
    job = worker.wait_event("job", outcome="succeeded")
    assert (job["request_id"], job["job"], job["attempt"]) == ("r-1", "count_words", 1)
    assert httpx.get(f"{web.url}{created.headers['location']}").json()["words"] == 3


def test_a_request_that_is_rolled_back_enqueues_nothing(queue: InPostgres, start: Start) -> None:
    """C-10: the note cannot be committed, and so has no job either."""
    queue.database.execute(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$"
    )
    queue.database.execute(
        "CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON notes DEFERRABLE INITIALLY DEFERRED "
        "FOR EACH ROW EXECUTE FUNCTION refuse()"
    )
    assert httpx.post(f"{start('web').url}/notes", json={"text": "one"}).status_code == 500
    assert queue.states() == {}


@pytest.mark.parametrize("how", chaos.SIGNALS)
def test_sigterm_lets_a_job_finish(queue: InPostgres, start: Start, how: str) -> None:
    """C-16"""
    queue.enqueue("probe", {"key": 1, "seconds": 2}, {"key": 2, "seconds": 0})
    worker = start(WORKER_CONCURRENCY="1")
    worker.wait_event("probe has begun")
    chaos.send(worker, how)
    assert worker.wait() == 0
    assert queue.keys("ended") == [1]
    assert queue.states() == {"todo": 1}


def test_a_job_that_outlasts_the_grace_goes_back(queue: InPostgres, start: Start) -> None:
    """C-16"""
    queue.enqueue("probe", {"key": 1, "seconds": 60})
    worker = start(SHUTDOWN_GRACE_SECONDS="0.5")
    worker.wait_event("probe has begun")
    worker.terminate()
    assert worker.wait() == 0
    assert worker.find("job", outcome="given back")
    assert queue.states() == {"todo": 1}


@pytest.mark.long
def test_the_job_of_a_killed_worker_runs_on_another(queue: InPostgres, start: Start) -> None:
    """C-16: within 60 s."""
    queue.enqueue("probe", {"key": 1, "seconds": 1})
    killed = start()
    eventually(lambda: queue.keys("begun") == [1], "beginning")
    other = start()
    killed.signal(signal.SIGKILL, "all")
    other.wait_event("job", outcome="succeeded", timeout=60)
    assert queue.keys("begun") == [1, 1]
    assert queue.keys("ended") == [1]


@pytest.mark.long
def test_a_job_that_kills_its_workers_is_given_up(queue: InPostgres, start: Start) -> None:
    """C-16, at its last attempt; it stays where it can be found, and the queue goes on."""
    queue.enqueue("poison", {})
    queue.database.execute("UPDATE procrastinate_jobs SET attempts = 5 WHERE task_name = 'poison'")
    assert start().wait() == -signal.SIGKILL
    other = start()
    other.wait_event("job given up", timeout=60)
    assert queue.states() == {"failed": 1}
    queue.enqueue("probe", {"key": 1, "seconds": 0})
    other.wait_event("job", outcome="succeeded")


def test_the_next_release_runs_its_jobs(queue: InPostgres, start: Start, tmp_path: Path) -> None:
    """C-16: also one that a worker of the release before has taken, which does not know it."""
    before = queue.project.copy(tmp_path / "before")
    jobs = before.package / "jobs.py"
    jobs.write_text(jobs.read_text().removesuffix(procrastinate(before)))
    old = Service(before, queue.environment, queue.variables, before.procfile()["worker"])
    try:
        queue.enqueue("probe", {"key": 1, "seconds": 0})
        old.wait_event("job", outcome="failed", attempt=1)
        old.terminate()
        assert old.wait() == 0
    finally:
        old.kill()
    assert start().wait_event("job", outcome="succeeded")["attempt"] == 2


def test_a_job_that_no_release_knows_any_more_is_kept(queue: InPostgres, start: Start) -> None:
    """C-16: as failed after its last attempt, and the queue goes on."""
    queue.enqueue("probe", {"key": 1, "seconds": 0})
    queue.database.execute("UPDATE procrastinate_jobs SET task_name = 'gone', attempts = 5")
    queue.enqueue("probe", {"key": 2, "seconds": 0})
    worker = start()
    worker.wait_event("job", outcome="succeeded")
    assert worker.wait_event("job", outcome="failed", attempt=6)["job"] == "gone"
    eventually(lambda: queue.states() == {"failed": 1}, "end of the other")


def test_a_worker_waits_for_its_database(queued: Project, shared: Path) -> None:
    """C-19, at the boot and later."""
    production = environment(shared, queued, dev=False)
    with pg.running() as server:
        database = pg.Database(server, server.create())
        variables = {"DATABASE_URL": database.url, **queued.secrets}
        assert Service(queued, production, variables, queued.procfile()["release"]).wait() == 0
        queue = InPostgres(queued, production, database)
        server.stop()
        worker = Service(queued, production, variables, queued.procfile()["worker"])
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


@pytest.mark.long
def test_a_job_that_cannot_be_rescued_stops_no_other(queue: InPostgres, start: Start) -> None:
    """C-16: another waits in its place, by their queueing lock; and that one runs, and the rest, too."""
    sync = "probe.configure(lock='sync', queueing_lock='sync').defer(key={}, seconds=60)\n"
    shell(queue, sync.format(1) + "probe.defer(key=3, seconds=60)\n")
    killed = start()
    eventually(lambda: sorted(queue.keys("begun")) == [1, 3], "beginning")
    shell(queue, sync.format(2))
    killed.signal(signal.SIGKILL, "all")
    other = start()
    eventually(lambda: sorted(queue.keys("begun")) == [1, 2, 3, 3], "others", timeout=60)
    assert not other.find("rescue failed")
    assert queue.states() == {"doing": 2, "failed": 1}


def test_a_job_that_cannot_be_tried_again_blocks_no_other(queue: InPostgres, start: Start) -> None:
    """C-16: the same where a job fails while another waits with its queueing lock."""
    sync = "fail.configure(lock='sync', queueing_lock='sync').defer(key={})\n"
    shell(queue, sync.format(1))
    worker = start()
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
def test_a_job_that_blocks_the_loop_runs_once(queue: InPostgres, start: Start) -> None:
    """C-16: its worker lives, whatever its event loop does."""
    shell(queue, "block.defer(key=1, seconds=30)\n")
    first, second = start(), start()
    first.wait_event("working")
    second.wait_event("working")
    eventually(lambda: queue.keys("ended") == [1], "end", timeout=60)
    assert queue.keys("begun") == [1]


def test_priorities_and_times_are_kept(queue: InPostgres, start: Start) -> None:
    """C-28: `priority`, `schedule_in` and a batch."""
    shell(
        queue,
        "probe.batch_defer(dict(key=1, seconds=0), dict(key=2, seconds=0))\n"
        "probe.configure(priority=5).defer(key=3, seconds=0)\n"
        "probe.configure(priority=-5).defer(key=4, seconds=0)\n"
        "probe.configure(priority=9, schedule_in={'hours': 6}).defer(key=5, seconds=0)\n",
    )
    start(WORKER_CONCURRENCY="1")
    eventually(lambda: len(queue.keys("ended")) == 4, "end")
    assert queue.keys("begun") == [3, 1, 2, 4]
    eventually(lambda: queue.states() == {"todo": 1}, "wait")
