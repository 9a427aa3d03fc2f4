"""What the documentation of the queues in Redis enqueues, directly and through the outbox (C-28)."""

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from extensions.context import ON_WSGI
from tests.conftest import Render, starting
from tests.factors.conftest import Jobs
from tests.support import postgres as pg
from tests.support import redis, variants
from tests.support.idioms import IDIOMS
from tests.support.project import Project, edited, environment
from tests.support.queue_idioms import (
    ALONE,
    CASES,
    CONSOLE,
    DIRECTLY,
    FAILING_AROUND,
    HOLD,
    HOLD_IN_DJANGO,
    HOLDING,
    JOBS,
    REFUSED,
    WITHOUT_EFFECT,
    Case,
)
from tests.support.service import Service, eventually

VARIANTS = [row for queue in CASES for row in variants.bootable(queue=queue, database="postgres")]


@pytest.fixture(scope="module", params=VARIANTS, ids=variants.label)
def project(request: pytest.FixtureRequest, render: Render, shared: Path) -> Project:
    """Return a service with each queue, a database and these jobs."""
    text = JOBS[request.param["queue"]]
    hold = HOLD_IN_DJANGO if request.param["framework"] == "django" else HOLD
    if request.param["framework"] not in ON_WSGI:
        hold += ALONE
    text += hold.format(declare=IDIOMS[request.param["queue"]].declare)
    emitted = Project(render(request.param))
    return edited(emitted, shared, "idioms", lambda copy: copy.append("jobs.py", text))


class Running:
    """A worker, its Redis, and what its jobs have told."""

    def __init__(self, jobs: Jobs, worker: Service, server: redis.Server) -> None:
        self.jobs, self.worker, self.server = jobs, worker, server
        self.queue = str(jobs.project.answers()["queue"])

    def enqueue(self, job: str, way: str) -> str:
        """Enqueue as code of the service does, and return what it raised."""
        if way == "directly":
            code = DIRECTLY[self.queue].format(job)
        elif self.jobs.project.answers()["framework"] == "django":
            code = f"enqueue({job})"
        else:
            code = f"session.rollback(); enqueue(session, {job}); session.commit()"
        self.server.client.rpush("commands", code)
        answer = self.server.client.blpop("answers", timeout=30)
        assert answer, "The console has not answered."
        return str(answer[1])

    def told(self) -> list[Any]:
        return [json.loads(item) for item in self.server.client.lrange("told", 0, -1)]


@pytest.fixture(scope="module")
def running(
    request: pytest.FixtureRequest, project: Project, shared: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    """Return a worker that runs while the cases do."""
    production = environment(shared, project, dev=False)
    postgres: pg.Server = request.getfixturevalue("postgres")
    with redis.running(tmp_path_factory.mktemp("redis")) as server:
        url = postgres.url(postgres.create())
        variables = {"REDIS_URL": server.url, "DATABASE_URL": url, **project.secrets}
        variables["DATABASE_STATEMENT_TIMEOUT_SECONDS"] = "1"  # of `web`: a job may take longer
        with starting(project, production, variables) as start:
            jobs = Jobs(project, start, production / "bin" / "python", variables)
            assert jobs.run("release").returncode == 0
            command = [str(jobs.python), "-m", project.name, "shell"]
            with subprocess.Popen(command, cwd=project.path, env=variables, stdin=subprocess.PIPE) as console:
                assert console.stdin
                console.stdin.write(CONSOLE.format(project.name).encode())
                console.stdin.close()
                yield Running(jobs, jobs.worker(), server)
                console.kill()


def chosen(kind: dict[str, dict[str, Any]], project: Project, name: str) -> Any:
    """Return a case, or skip where it is the other queue's."""
    queue = str(project.answers()["queue"])
    if name not in kind[queue]:
        pytest.skip("It is an idiom of the other queue.")
    return kind[queue][name]


@pytest.mark.parametrize("way", ["directly", "outbox"])
@pytest.mark.parametrize("name", sorted({*CASES["celery"], *CASES["dramatiq"]}))
def test_it_runs(running: Running, project: Project, name: str, way: str) -> None:
    """C-28: with what it is given, at its time, with one event an attempt, and nothing left behind."""
    case: Case = chosen(CASES, project, name)
    dead = IDIOMS[running.queue].dead
    running.server.client.delete("told", "rejects", "polls", dead)
    began, before = time.time(), len(running.worker.events)
    assert running.enqueue(case.job, way) == ""
    eventually(lambda: len(running.told()) >= len(case.told), f"more than {running.told()}")
    assert time.time() - began >= case.after - 0.1
    wanted = case.outcomes or ("succeeded",) * len({*map(str, case.told)})

    def events() -> list[Any]:
        return [event for event in running.worker.events[before:] if event["event"] == "job"]

    eventually(lambda: len(events()) >= len(wanted), f"outcomes but {events()}")
    assert sorted(running.told()) == sorted(case.told)
    if case.outcomes:
        # A job that a failed one enqueues may end before the event of that failure.
        assert sorted(event["outcome"] for event in events()) == sorted(case.outcomes)
    criticals = [event for event in running.worker.events[before:] if event["level"] == "critical"]
    assert not criticals
    eventually(lambda: running.server.client.hlen(dead) == case.kept, "job kept, as it should be")


@pytest.mark.parametrize("way", ["directly", "outbox"])
@pytest.mark.parametrize("name", sorted({*REFUSED["celery"], *REFUSED["dramatiq"]}))
def test_it_is_refused(running: Running, project: Project, name: str, way: str) -> None:
    """C-28: at once and with the reason, so that nothing waits for ever."""
    job, word = chosen(REFUSED, project, name)
    running.server.client.delete("told")
    assert word in running.enqueue(job, way)
    assert not running.told()


@pytest.mark.parametrize("name", list(FAILING_AROUND))
def test_what_fails_around_a_job_is_told(running: Running, project: Project, name: str) -> None:
    """C-28: with its traceback and without arguments; and the job keeps no thread of the worker."""
    job, word = chosen({"celery": FAILING_AROUND, "dramatiq": {}}, project, name)
    before = len(running.worker.events)
    assert running.enqueue(job, "directly") == ""

    def events() -> list[Any]:
        return running.worker.events[before:]

    eventually(lambda: any(word in event.get("exception", "") for event in events()), "error in the log")
    eventually(lambda: not running.server.client.hlen("celery:taken"), "end of the job")
    assert "xyzzy" not in str(events())


@pytest.mark.parametrize("text", WITHOUT_EFFECT.values(), ids=list(WITHOUT_EFFECT))
def test_what_would_have_no_effect_stops_the_worker(
    running: Running, project: Project, tmp_path: Path, text: tuple[str, str]
) -> None:
    """C-28: celery takes it without a word, so the worker says it when it starts."""
    if running.queue != "celery":
        pytest.skip("dramatiq takes none of these.")
    copied = project.copy(tmp_path / "project")
    copied.append("jobs.py", text[0])
    command = [str(running.jobs.python), "-m", project.name, "worker"]
    done = subprocess.run(
        command, cwd=copied.path, env=running.jobs.variables, stdout=subprocess.PIPE, text=True
    )
    assert done.returncode == 1
    event = json.loads(done.stdout.splitlines()[-1])
    assert event["event"] == "jobs invalid"
    assert text[1] in str(event["reasons"])


@pytest.mark.every_framework
def test_more_jobs_than_connections(request: pytest.FixtureRequest, project: Project) -> None:
    """C-16: eight at once take turns with the five connections of the process, as long as it takes."""
    answers = project.answers()
    if (answers["framework"], answers["queue"]) not in (("flask", "celery"), ("django", "dramatiq")):
        pytest.skip("The pools of the others are the same.")
    running: Running = request.getfixturevalue("running")
    call = "hold.message()" if running.queue == "dramatiq" else "hold.s()"
    assert [running.enqueue(call, "directly") for _ in range(8)] == [""] * 8

    def outcomes() -> list[str]:
        return [event["outcome"] for event in running.worker.find("job")]

    eventually(lambda: len(outcomes()) >= 8, "end of the jobs")
    assert outcomes() == ["succeeded"] * 8
    if answers["framework"] == "django":  # threads that live on have connections of their own
        assert running.enqueue(call.replace("hold", "spread"), "directly") == ""
        eventually(lambda: len(outcomes()) >= 9, "end of the job")
        assert outcomes()[8] == "succeeded"


def test_jobs_with_event_loops_of_their_own(running: Running, project: Project) -> None:
    """C-28: `asyncio.run` in many jobs at once, which have no more connections than the setting says."""
    if project.answers()["framework"] in ON_WSGI:
        pytest.skip("Its sessions block.")
    before = len(running.worker.find("job"))
    call = "alone.message()" if running.queue == "dramatiq" else "alone.s()"
    assert [running.enqueue(call, "directly") for _ in range(16)] == [""] * 16
    most = 0

    def outcomes() -> list[str]:
        return [event["outcome"] for event in running.worker.find("job")[before:]]

    with psycopg.connect(running.jobs.variables["DATABASE_URL"], autocommit=True) as connection:

        def have_ended() -> bool:
            nonlocal most
            most = max(most, len(connection.execute(HOLDING).fetchall()))
            return len(outcomes()) >= 16

        eventually(have_ended, "end of the jobs")
    assert outcomes() == ["succeeded"] * 16
    assert most == 5
