"""VIII. Concurrency: jobs in Redis, on as many workers as one likes (C-12, C-16, C-19)."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.conftest import Render
from tests.factors.conftest import Jobs
from tests.support import redis, variants
from tests.support.client import Connection
from tests.support.idioms import IDIOMS, JOBS
from tests.support.orm import orm
from tests.support.patience import SLACK
from tests.support.project import Project, edited
from tests.support.service import Service, eventually

QUEUED = [row for queue in IDIOMS for row in variants.bootable(queue=queue)]


@pytest.fixture(scope="module", params=QUEUED, ids=variants.label)
def project(request: pytest.FixtureRequest, render: Render, shared: Path) -> Project:
    """Return a service with each queue and these jobs, with and without a database."""
    emitted = Project(render(request.param))
    text = JOBS.format(**vars(IDIOMS[request.param["queue"]]))
    return edited(emitted, shared, "jobs", lambda copy: copy.append("jobs.py", text))


def write(web: Service, project: Project, request_id: str) -> int:
    """Send the request of the example that enqueues a job, and return its status."""
    path, body = ("/notes", {"text": "a b"}) if project.has_database else ("/greetings", {"name": "Ada"})
    headers = {"Content-Type": "application/json", "X-Request-ID": request_id}
    connection = Connection(web.port)
    connection.request("POST", path, json.dumps(body), headers)
    return connection.getresponse().status


def readiness(web: Service) -> tuple[int, Any]:
    """Return the status and the document of /readyz."""
    response, body = Connection(web.port).get("/readyz")
    return response.status, json.loads(body)


@pytest.mark.every_framework
@pytest.mark.every_database
def test_a_job_carries_the_id_of_its_request(jobs: Jobs, project: Project) -> None:
    """C-12: on its events, of which one tells its end."""
    web, worker = jobs.start(), jobs.worker()
    assert write(web, project, "from-the-router") in (201, 202)
    event = worker.wait_event("job", request_id="from-the-router")
    assert event["outcome"] == "succeeded"
    assert {"job", "job_id", "queue", "attempt", "duration_ms"} <= event.keys()


@pytest.mark.parametrize("to", ["root", "all"])
def test_sigterm_lets_a_job_finish(jobs: Jobs, server: redis.Server, to: str) -> None:
    """C-16: also where it comes several times; what has not begun is left to others."""
    worker = jobs.worker(WORKER_CONCURRENCY="2")
    jobs.enqueue("work.{it.send}(2)", count=16)  # more than the worker can begin before it gets the signal
    worker.wait_event("work has begun", count=2)
    worker.terminate(to)
    worker.terminate("all")
    assert worker.wait() == 0
    finished = len(worker.find("job", outcome="succeeded"))
    assert server.client.get("worked") == str(finished)
    assert 2 <= finished < 16
    other = jobs.worker()
    other.wait_event("job", outcome="succeeded", count=16 - finished)
    assert not other.find("job", attempt=2)


def test_what_outlasts_the_grace_goes_back_at_once(jobs: Jobs) -> None:
    """C-16."""
    worker = jobs.worker(SHUTDOWN_GRACE_SECONDS="0.5")
    jobs.enqueue("work.{it.send}(20)")
    worker.wait_event("work has begun")
    other = jobs.worker()
    worker.terminate()
    assert worker.wait(timeout=3 + SLACK) == 0
    assert worker.find("jobs given back", count=1)
    assert other.wait_event("job", outcome="succeeded")["attempt"] == 2


def test_a_worker_that_stops_begins_no_job(jobs: Jobs, server: redis.Server) -> None:
    """C-16: although it has threads to spare, each of which looks for a job at its own times."""
    worker = jobs.worker(WORKER_CONCURRENCY="20")
    jobs.enqueue("work.{it.send}(_ / 20)", count=20)
    worker.wait_event("work has begun", count=20)
    jobs.enqueue("beget.{it.send}()")
    assert worker.wait() == 0
    assert len(worker.find("work has begun")) == 20, "jobs that came after the signal"
    other = jobs.worker()
    other.wait_event("job", outcome="succeeded", count=20)
    assert server.client.get("worked") == "40"


@pytest.mark.long
def test_what_a_killed_worker_had_runs_elsewhere(jobs: Jobs) -> None:
    """C-16: within 60 s, although the other one has nothing else to do."""
    worker = jobs.worker()
    jobs.enqueue("work.{it.send}(8)", count=3)
    worker.wait_event("work has begun", count=3)
    worker.kill()
    assert not worker.find("job")
    other = jobs.worker()
    other.wait_event("job", outcome="succeeded", count=3, timeout=60)


def test_a_failed_job_is_tried_again(jobs: Jobs, server: redis.Server) -> None:
    """C-16."""
    worker = jobs.worker()
    jobs.enqueue("fail.{it.send}()")
    assert "not yet" in worker.wait_event("job failed")["exception"]
    assert worker.wait_event("job", outcome="succeeded")["attempt"] == 2
    assert server.client.get("failed") == "2"


def test_a_job_that_kills_is_given_up(jobs: Jobs, server: redis.Server) -> None:
    """C-16: it is kept where `failed` of the shell finds it, and the queue goes on."""
    jobs.enqueue("client.set('{it.starts}' + kill.{it.send}().{it.job_id}, 6)")  # as six deaths leave
    jobs.enqueue("work.{it.send}(0)")
    worker = jobs.worker()
    assert worker.wait_event("job", outcome="given up")["job"].endswith("kill")
    worker.wait_event("job", outcome="succeeded")
    assert worker.process.poll() is None
    script = f"print(failed.list()[0]{jobs.idiom.name})\nfailed.drop(failed.list()[0])"
    listed = jobs.run("shell", script)
    assert listed.stdout == "kill\n"
    assert server.client.hlen(jobs.idiom.dead) == 0


def test_the_next_release_runs_its_jobs(jobs: Jobs, project: Project, tmp_path: Path) -> None:
    """C-16: also one that a worker of the release before has taken, which does not know it."""
    before = project.copy(tmp_path / "before")
    own = before.package / "jobs.py"
    own.write_text(own.read_text().partition("\n\n\nimport os\n")[0])
    old = Service(before, jobs.python.parent.parent, jobs.variables, before.procfile()["worker"])
    try:
        jobs.enqueue("work.{it.send}(0)")
        old.wait_event("job", outcome="failed", attempt=1)
        old.terminate()
        assert old.wait() == 0
    finally:
        old.kill()
    assert jobs.worker().wait_event("job", outcome="succeeded")["attempt"] == 2


def test_a_job_that_no_release_knows_any_more_is_kept(jobs: Jobs) -> None:
    """C-16: `failed` of the shell finds it after its last attempt, and the queue goes on."""
    jobs.enqueue("{it.unknown}")
    jobs.enqueue("work.{it.send}(0)")
    worker = jobs.worker()
    assert worker.wait_event("job", outcome="failed", attempt=6)["job"] == "gone"
    worker.wait_event("job", outcome="succeeded")
    listed = jobs.run("shell", f"print(failed.list()[0]{jobs.idiom.name})\nfailed.retry(failed.list()[0])")
    assert listed.stdout == "gone\n"
    assert worker.wait_event("job", outcome="failed", attempt=1)["job"] == "gone"


@pytest.mark.every_framework
@pytest.mark.every_database
def test_redis_may_be_away(jobs: Jobs, project: Project, server: redis.Server) -> None:
    """C-19: at boot and later; a note that was committed meanwhile gets its job."""
    server.stop()
    web, worker = jobs.start(), jobs.worker()
    assert readiness(web) == (503, {"status": "unavailable", "failing": {"redis": "unreachable"}})
    assert write(web, project, "while-away") == (201 if project.has_database else 503)
    server.start()
    assert readiness(web)[0] == 200
    if not project.has_database:
        assert write(web, project, "while-away") == 202
    worker.wait_event("job", outcome="succeeded", request_id="while-away")
    with server.frozen():
        assert readiness(web) == (503, {"status": "unavailable", "failing": {"redis": "no answer in time"}})


def test_jobs_have_all_the_threads(jobs: Jobs) -> None:
    """C-8: short jobs run as many at a time as they may, without a wait between them."""
    jobs.enqueue("work.{it.send}(0.2)", count=80)
    worker = jobs.worker(WORKER_CONCURRENCY="8")
    worker.wait_event("job", count=80)
    times = [datetime.fromisoformat(event["timestamp"]) for event in worker.find("job")]
    ideal = 80 / 8 * 0.2
    assert (times[-1] - times[0]).total_seconds() < 2 * ideal


def test_a_bell_wakes_idle_workers(jobs: Jobs, server: redis.Server) -> None:
    """An idle worker waits for it in Redis, so a job need not wait; a bell that nobody hears stays short."""
    if jobs.idiom is not IDIOMS["celery"]:
        pytest.skip("celery alone has a transport of ours.")

    def rings() -> int:
        return int(server.client.llen("celery:bell"))

    jobs.enqueue("work.{it.send}(0)", count=150)
    assert rings() == 100
    worker = jobs.worker()
    worker.wait_event("job", count=150)
    eventually(lambda: rings() == 0, "end of the rings")
    jobs.enqueue("work.{it.send}(0)")
    worker.wait_event("job", count=151)
    assert rings() == 0


def test_delayed_jobs_survive_a_restart_of_redis(jobs: Jobs, server: redis.Server) -> None:
    """C-16, C-19: dramatiq itself forgets what it holds, and Redis believes it to be there."""
    worker = jobs.worker()
    jobs.enqueue("{it.later}", count=5)
    if jobs.idiom is IDIOMS["dramatiq"]:  # whose workers hold what has a time
        held = "dramatiq:__acks__.*.default.DQ"
        eventually(lambda: bool(server.client.keys(held)), "jobs that wait on the worker")
    server.stop()
    server.start()
    worker.wait_event("job", outcome="succeeded", count=5, timeout=60)


def test_what_is_rolled_back_enqueues_nothing(jobs: Jobs, project: Project) -> None:
    """A job and the note that it is for are one: both are committed, or neither."""
    if not project.has_database:
        pytest.skip("There is no transaction.")
    script = orm(project).two_notes.format(package=project.name, job=jobs.idiom.outgoing)
    assert jobs.run("shell", script).returncode == 0
    worker = jobs.worker()
    worker.wait_event("job", outcome="succeeded")
    with psycopg.connect(jobs.variables["DATABASE_URL"]) as connection:
        assert connection.execute("SELECT words FROM notes").fetchall() == [(3,)]
    worker.terminate()
    assert worker.wait() == 0
    assert len(worker.find("job")) == 1
