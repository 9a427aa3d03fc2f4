"""VIII. Concurrency: jobs that are enqueued at set times, by as many clocks as one likes (C-17)."""

import json
import signal
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from tests.conftest import Render, starting
from tests.support import postgres as pg
from tests.support import processes, redis, variants
from tests.support.clocks import SECOND, Clocks
from tests.support.idioms import IN_DJANGO, IN_POSTGRES, SCHEDULES, SWALLOWS, SWALLOWS_IN_DJANGO
from tests.support.patience import SLACK
from tests.support.project import Project, edited, environment
from tests.support.service import eventually

pytestmark = pytest.mark.every_database

CLOCKS = [
    {"framework": framework, "database": database, "queue": "dramatiq", "clock": True}
    for framework, database in SCHEDULES
]


@pytest.fixture(scope="module", params=CLOCKS, ids=variants.label)
def project(request: pytest.FixtureRequest, render: Render, shared: Path) -> Project:
    """Return a service with a clock that ticks each second, with and without a database."""
    schedule = SCHEDULES[request.param["framework"], request.param["database"]]

    def hasten(copy: Project) -> None:
        (copy.package / "schedule.py").write_text(schedule)

    return edited(Project(render(request.param)), shared, "clock", hasten)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[redis.Server]:
    """Return a Redis of the test's own."""
    with redis.running(tmp_path) as server:
        yield server


@pytest.fixture
def clocks(
    request: pytest.FixtureRequest, project: Project, shared: Path, server: redis.Server
) -> Iterator[Clocks]:
    """Return what starts clocks with their backing services."""
    production = environment(shared, project, dev=False)
    variables, database = {"REDIS_URL": server.url, **project.secrets}, None
    if project.has_database:
        postgres: pg.Server = request.getfixturevalue("postgres")
        database = pg.Database(postgres, postgres.create())
        variables["DATABASE_URL"] = database.url
    with starting(project, production, variables) as start:
        if database:
            assert start(process="release").wait() == 0
        yield Clocks(project, start, server, database)


@pytest.mark.every_framework
def test_two_clocks_enqueue_each_tick_once(clocks: Clocks) -> None:
    """C-17: and one that is killed or stopped loses none to the other."""
    one, other = clocks.clock(), clocks.clock()
    eventually(lambda: len(clocks.ticks()) >= 4, "ticks")
    one.signal(signal.SIGKILL)
    one.wait()
    third = clocks.clock()
    seen = len(clocks.ticks())
    eventually(lambda: len(clocks.ticks()) >= seen + 2, "ticks")
    other.terminate()
    assert other.wait() == 0
    seen = len(clocks.ticks())
    eventually(lambda: len(clocks.ticks()) >= seen + 2, "ticks")
    third.terminate("all")
    assert third.wait() == 0
    ticks = clocks.ticks()
    assert set(ticks.values()) == {1}
    assert clocks.enqueued() - len(ticks) in (0, 1)  # killed between the job and the event
    assert len(clocks.missed()) == clocks.enqueued() - len(ticks)


@pytest.mark.long
def test_clocks_may_be_killed_at_any_moment(clocks: Clocks) -> None:
    """C-17: each tick is enqueued once; on Redis a killed clock may lose the tick that it held."""
    first = clocks.clock()
    first.wait_event("tick")
    for moment in range(8):
        clock = clocks.clock()
        time.sleep(moment / 16)  # the moment is the point
        previous = clocks.started[-2]
        previous.signal(signal.SIGKILL)
        previous.wait()
        clock.wait_event("ticking")
    clocks.clock().wait_event("tick")
    clocks.stop()
    ticks = clocks.ticks()
    assert set(ticks.values()) == {1}
    untold = clocks.enqueued() - len(ticks)
    assert 0 <= untold <= len(clocks.missed())
    if clocks.database:
        assert untold == len(clocks.missed())  # none is lost
    else:
        assert len(clocks.missed()) - untold <= 8  # one a kill


def test_what_was_missed_while_no_clock_ran_is_made_up_for(clocks: Clocks) -> None:
    """C-17: late, and not more than the last ten ticks."""
    clocks.clock().wait_event("tick")
    clocks.stop()
    last = max(clocks.ticks())
    eventually(lambda: datetime.now(last.tzinfo) - last > 4 * SECOND, "time to pass")
    clocks.clock().wait_event("tick", count=4)
    clocks.stop()
    assert clocks.missed() == []
    assert clocks.enqueued() == len(clocks.ticks())


def test_a_new_schedule_makes_up_for_nothing(clocks: Clocks) -> None:
    """Ticks before its first clock are none of its own."""
    clock = clocks.clock()
    began = datetime.fromisoformat(clock.wait_event("ticking")["timestamp"])
    clock.wait_event("tick")
    assert min(clocks.ticks()) > began - SECOND


@pytest.mark.parametrize("to", ["root", "all"])
def test_sigterm_ends_an_idle_clock_at_once(clocks: Clocks, to: str) -> None:
    """C-15, though it comes twice."""
    clock = clocks.clock()
    began = time.monotonic()
    clock.terminate(to)
    clock.terminate("all")
    assert clock.wait() == 0
    assert time.monotonic() - began < 2 + SLACK


def test_sigterm_during_the_boot_ends_it_at_once(clocks: Clocks) -> None:
    """C-15: with 0, from the first line of our own code."""
    for moment in range(12):
        clock = clocks.clock(wait=False)
        time.sleep(moment / 12)  # the moment is the point
        ours = processes.handles(clock.pid, signal.SIGTERM)
        began = time.monotonic()
        clock.terminate()
        assert clock.wait() in ((0,) if ours else (0, -signal.SIGTERM)), clock.report()
        assert time.monotonic() - began < 2 + SLACK


def test_redis_may_be_away(clocks: Clocks, project: Project, server: redis.Server) -> None:
    """C-19: one event tells so, and the ticks come late; with Postgres they do not need it."""
    server.stop()
    clock = clocks.start(process="clock")
    clocks.started.append(clock)
    if project.has_database:
        clock.wait_event("tick", count=2)
        assert not clock.find("service unavailable")
        server.start()
        return
    clock.wait_event("service unavailable", service="redis", reason="unreachable")
    server.start()
    clock.wait_event("tick", count=2)
    with server.frozen():
        clock.wait_event("service unavailable", reason="no answer in time")
        began = time.monotonic()
        other = clocks.start(process="clock")
        other.wait_event("service unavailable")
        other.terminate()
        assert other.wait() == 0
        assert time.monotonic() - began < 4 + SLACK
    clock.wait_event("tick", count=4)
    clocks.stop()
    assert len(clock.find("service unavailable")) == 2
    assert set(clocks.ticks().values()) == {1}
    assert len(clocks.missed()) <= 1  # that of a command whose answer never came


@pytest.mark.every_framework
def test_postgres_may_be_away(project: Project, server: redis.Server, shared: Path) -> None:
    """C-19: one event tells so, and no tick is lost."""
    if not project.has_database:
        pytest.skip("There is no database.")
    with pg.running() as own:
        database = pg.Database(own, own.create())
        variables = {"REDIS_URL": server.url, "DATABASE_URL": database.url, **project.secrets}
        with starting(project, environment(shared, project, dev=False), variables) as start:
            assert start(process="release").wait() == 0
            own.stop()
            clocks = Clocks(project, start, server, database)
            clock = clocks.clock(wait=False)
            clock.wait_event("service unavailable", service="postgres")
            own.start()
            clock.wait_event("tick", count=2)
            own.restart("immediate")
            seen = len(clock.find("tick"))
            clock.wait_event("tick", count=seen + 2)
            clocks.stop()
            assert 1 <= len(clock.find("service unavailable")) <= 2
            assert clocks.missed() == []
            assert set(clocks.ticks().values()) == {1}
            assert clocks.enqueued() == len(clocks.ticks())


def test_a_worker_runs_what_a_clock_enqueues(clocks: Clocks) -> None:
    """C-21: of both, each line is an event."""
    worker = clocks.start(process="worker")
    clocks.clock()
    assert worker.wait_event("job", outcome="succeeded")["process"] == "worker"
    clocks.stop()
    assert {event["process"] for event in clocks.started[0].events} == {"clock"}


OFTEN = '@cron("* * * * *")\n'
BROKEN = {
    "an expression": ('@cron("* * *")\ndef often() -> None: ...\n', "Wrong number of fields"),
    "a time that never comes": ('@cron("0 0 30 2 *")\ndef often() -> None: ...\n', "day-of-month"),
    "a name": ("undefined_name\n", "undefined_name"),
    "two times of one function": (f"{OFTEN}{OFTEN}def often() -> None: ...\n", "often"),
    "two functions of one name": (f"{OFTEN}def each_second() -> None: ...\n", "each_second"),
    "a coroutine": (f"{OFTEN}async def often() -> None: ...\n", "often is a coroutine or a generator"),
    "a generator": (f"{OFTEN}def often():\n    yield\n", "often is a coroutine or a generator"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_schedule_that_cannot_be_read(clocks: Clocks, what: str, tmp_path: Path) -> None:
    """C-7: one event, and a non-zero status."""
    text, reason = BROKEN[what]
    broken = clocks.project.copy(tmp_path / "project")
    broken.append("schedule.py", text)
    clock = clocks.start(broken, process="clock")
    assert clock.wait() not in (0, 78)
    [event] = [json.loads(line) for line in clock.lines]
    assert event["event"] == "cannot start"
    assert reason in event["exception"]


def test_a_schedule_that_fails_stops_no_other(clocks: Clocks, tmp_path: Path) -> None:
    """Its tick is given up, and told of."""
    broken = clocks.project.copy(tmp_path / "project")
    broken.append("schedule.py", '\n\n@cron("* * * * * *")\ndef failing(*_) -> None:\n    raise KeyError\n')
    clock = clocks.start(broken, process="clock")
    clock.wait_event("tick failed", schedule="failing", count=2)
    clock.wait_event("tick", schedule="each_second", count=2)


LOST = {IN_POSTGRES: SWALLOWS, IN_DJANGO: SWALLOWS_IN_DJANGO}


@pytest.mark.every_framework
def test_a_tick_whose_jobs_are_rolled_back_has_failed(clocks: Clocks, tmp_path: Path) -> None:
    """C-17, C-28: the function has caught an error or rolled back; a savepoint confines an error."""
    if not clocks.database:
        pytest.skip("Redis has no transactions.")
    copy = clocks.project.copy(tmp_path / "project")
    copy.append("schedule.py", LOST[(copy.package / "schedule.py").read_text()])
    clock = clocks.start(copy, process="clock")
    clocks.started.append(clock)
    names = {name for name in clock.wait_event("ticking")["schedules"] if name.startswith("lost_")}
    assert len(names) == 3
    for name in names:
        reason = clock.wait_event("tick failed", schedule=name)["exception"]
        assert "savepoint" in reason or "during flush" in reason, reason
    clock.wait_event("tick", schedule="kept")
    clocks.stop()
    assert not [event for event in clock.find("tick") if event["schedule"] in names]
    assert clocks.enqueued() == len(clock.find("tick"))
