"""XII. Admin processes: the release phase and its schema (C-4, C-18)."""

import json
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from tests.conftest import Run, Start
from tests.support.client import Connection, status
from tests.support.orm import add_migration, migrations, orm
from tests.support.postgres import Database, Server
from tests.support.project import Project
from tests.support.router import Notes
from tests.support.service import Event, eventually

pytestmark = pytest.mark.database

ADD = "execute('ALTER TABLE notes ADD colour text')"
DROP = "execute('ALTER TABLE notes DROP words')"
FAILING = {
    "an error in Python": 'raise RuntimeError("swordfish")',
    "an error in SQL": 'execute("SELECT 1 / 0")',
    "an error at COMMIT": 'execute("CREATE TABLE a (b int UNIQUE DEFERRABLE INITIALLY DEFERRED)")\n'
    '    execute("INSERT INTO a VALUES (1), (1)")',
}


def events(done: subprocess.CompletedProcess[str]) -> list[Event]:
    """Return what a process has said, which went to stdout."""
    assert done.stderr == ""
    return [json.loads(line) for line in done.stdout.splitlines()]


def migrated(event: Event) -> list[str]:
    """Return the migrations that an event tells of: alembic has one for each, and Django one for all."""
    return [event["event"]] if event["event"].startswith("Running upgrade") else event.get("migrations", [])


def complaint(done: subprocess.CompletedProcess[str]) -> Event:
    """Return the one event of a process that failed."""
    assert done.returncode not in (0, 78), done.stdout
    [event] = [event for event in events(done) if event["level"] not in ("debug", "info")]
    return event


@pytest.fixture
def empty(postgres: Server) -> Database:
    """Return a database without any table."""
    return Database(postgres, postgres.create())


@pytest.mark.parametrize("process", ["release", "migrate"])
def test_release_makes_the_schema_and_may_run_again(run: Run, empty: Database, process: str) -> None:
    """C-18, C-4."""
    assert run(process, DATABASE_URL=empty.url).returncode == 0
    schema = empty.schema()
    assert ("notes", "text", "text", "NO") in schema
    done = run(process, DATABASE_URL=empty.url)
    assert done.returncode == 0
    assert {event["level"] for event in events(done)} == {"info"}
    assert empty.schema() == schema


def test_releases_at_the_same_time(run: Run, copied: Project, empty: Database) -> None:
    """C-18: one migrates, the others wait for it, and all end well."""
    add_migration(copied, f'{ADD}\n    execute("SELECT pg_sleep(1)")')
    with ThreadPoolExecutor() as pool:
        running = [pool.submit(run, "release", project=copied, DATABASE_URL=empty.url) for _ in range(4)]
        done = [each.result() for each in running]
    assert [each.returncode for each in done] == [0] * 4, [each.stdout for each in done]
    ran = [name for each in done for event in events(each) for name in migrated(event)]
    assert len(ran) == len(set(ran)) >= len(migrations(copied))
    assert ("notes", "colour", "text", "YES") in empty.schema()


@pytest.mark.parametrize("what", FAILING)
def test_a_migration_that_fails(run: Run, copied: Project, database: Database, what: str) -> None:
    """C-18: the schema is as it was, also where an earlier migration of the same release went well."""
    add_migration(copied, ADD)
    add_migration(copied, FAILING[what])
    before = database.schema()
    event = complaint(run("release", project=copied, DATABASE_URL=database.url))
    assert (event["event"], event["level"], event["process"]) == ("migration failed", "critical", "release")
    assert database.schema() == before


def test_a_release_that_cannot_reach_its_database(run: Run, postgres: Server) -> None:
    """C-18, C-11: one event, without credentials."""
    url = postgres.url("nowhere", user="postgres:swordfish")
    done = run("release", DATABASE_URL=url)
    assert complaint(done)["event"] == "migration failed"
    assert "does not exist" in done.stdout
    assert "swordfish" not in done.stdout


def test_a_release_waits_for_a_lock_no_longer_than_it_may(
    run: Run, start: Start, copied: Project, database: Database
) -> None:
    """C-18: since all who come later wait behind it."""
    add_migration(copied, ADD)
    before = database.schema()
    variables = {"DATABASE_URL": database.url, "MIGRATION_LOCK_TIMEOUT_SECONDS": "0.5"}
    with psycopg.connect(database.url) as connection:
        connection.execute("SELECT * FROM notes")  # a long transaction that reads
        event = complaint(run("release", project=copied, given=variables))
    assert "lock timeout" in event["exception"]
    assert database.schema() == before
    assert run("release", project=copied, given=variables).returncode == 0
    assert status(start(copied, DATABASE_URL=database.url).port, "/notes") == 200


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_release_that_is_stopped_has_failed(
    start: Start, copied: Project, database: Database, signum: signal.Signals
) -> None:
    """C-18: the platform must not take it for done."""
    add_migration(copied, f'{ADD}\n    execute("SELECT pg_sleep(60)")')
    before = database.schema()
    sleeping = "SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND query = 'SELECT pg_sleep(60)'"
    release = start(copied, "release", DATABASE_URL=database.url)
    eventually(lambda: bool(database.execute(sleeping)), "migration that runs")
    release.signal(signum)
    assert release.wait() not in (0, 78)
    assert [event["event"] for event in release.events if event["level"] == "critical"] == [
        "migration failed"
    ]
    eventually(lambda: not database.execute(sleeping), "end of the statement")
    assert database.schema() == before


def test_a_rollback_finds_the_schema_of_a_later_release(
    start: Start, run: Run, copied: Project, database: Database
) -> None:
    """C-18, C-4: it leaves that as it is, and serves."""
    add_migration(copied, ADD)
    assert run("release", project=copied, DATABASE_URL=database.url).returncode == 0
    schema = database.schema()
    done = run("release", DATABASE_URL=database.url)
    assert done.returncode == 0, done.stdout
    assert database.schema() == schema
    assert run("check", DATABASE_URL=database.url).returncode == 0
    assert status(start(DATABASE_URL=database.url).port, "/notes") == 200


def test_a_rollback_is_refused_where_it_could_not_serve(
    run: Run, copied: Project, database: Database
) -> None:
    """C-18, C-4: by Alembic, which cannot tell it from a history that was rewritten."""
    if copied.answers()["framework"] == "django":
        pytest.skip("Django goes by the migrations that it knows.")
    add_migration(copied, DROP)
    assert run("release", project=copied, DATABASE_URL=database.url).returncode == 0
    schema = database.schema()
    event = complaint(run("release", DATABASE_URL=database.url))
    assert (event["event"], event["missing"]) == ("schema does not fit", ["notes.words"])
    assert complaint(run("check", DATABASE_URL=database.url))["event"] == "schema is behind"
    assert database.schema() == schema


def test_web_and_check_never_migrate(start: Start, run: Run, empty: Database) -> None:
    """C-24, C-4: what runs before its release says so, changes nothing, and serves after it."""
    service = start(DATABASE_URL=empty.url)
    assert status(service.port, "/notes") == 500
    service.wait_event("request failed", path="/notes")
    assert complaint(run("check", DATABASE_URL=empty.url))["event"] == "schema is behind"
    assert empty.schema() == []
    assert run("release", DATABASE_URL=empty.url).returncode == 0
    assert status(service.port, "/notes") == 200
    assert run("check", DATABASE_URL=empty.url).returncode == 0


def test_check_says_when_the_schema_is_behind(run: Run, copied: Project, database: Database) -> None:
    """C-4: it names what is to be done."""
    add_migration(copied, ADD)
    done = run("check", project=copied, DATABASE_URL=database.url)
    assert complaint(done)["event"] == "schema is behind"
    assert "release" in done.stdout.splitlines()[-1]


def test_check_names_each_service_with_its_latency(run: Run, probed: Project, database: Database) -> None:
    """C-4."""
    [_, *reached] = events(run("check", DATABASE_URL=database.url))
    assert {event["event"] for event in reached} == {"service reached"}
    assert [event["service"] for event in reached] == ["postgres", *(["redis"] if probed.has_redis else [])]
    assert all(0 < event["duration_ms"] < 1_000 for event in reached)


def test_the_shell_reaches_the_database(run: Run, probed: Project, database: Database) -> None:
    """C-4."""
    script = f"{orm(probed).note}print(settings.database_pool_size, type(app).__name__.lower())"
    done = run("shell", stdin=script, DATABASE_URL=database.url)
    assert done.stdout.split() == ["5", probed.answers()["framework"]], done.stdout
    assert database.execute("SELECT text FROM notes") == [("of the shell",)]


def test_a_model_without_its_migration_fails_the_emitted_tests(copied: Project, development: Path) -> None:
    """C-25: and the commands of the README make the one that is missing."""
    copied.append("models.py", orm(copied).column)
    tools = {"PATH": f"{development / 'bin'}:/usr/bin:/bin:/usr/sbin"}

    def tool(*command: str) -> subprocess.CompletedProcess[str]:
        program = str(development / "bin" / command[0])
        return subprocess.run(
            [program, *command[1:]], cwd=copied.path, env=tools, capture_output=True, text=True
        )

    tests = ("pytest", "-q", "-p", "no:cacheprovider", "tests/test_database.py", "-k", "migrations")
    assert tool(*tests).returncode == 1
    for command in copied.readme_commands("Change the schema", "dev run"):
        done = tool(*command)
        assert done.returncode == 0, done.stdout + done.stderr
    done = tool(*tests)
    assert done.returncode == 0, done.stdout + done.stderr
    assert tool("ruff", "check").returncode == tool("ruff", "format", "--check").returncode == 0


def test_a_rolling_restart_with_its_release(
    start: Start, run: Run, copied: Project, database: Database
) -> None:
    """C-15, C-18: the old code serves on the new schema, and no request fails."""
    copied.add_routes()
    instances = [start(DATABASE_URL=database.url) for _ in range(2)]
    with Notes(*(service.port for service in instances)) as router:
        add_migration(copied, ADD)
        assert run("release", project=copied, DATABASE_URL=database.url).returncode == 0
        for _ in range(2):
            new = start(copied, DATABASE_URL=database.url)
            router.add(new.port)
            old = instances.pop(0)
            instances.append(new)
            old.terminate("all")
            router.remove_late(old.port)
            assert old.wait() == 0
    assert router.failures == []
    assert router.served > 200
    kept = {f"/notes/{row[0]}" for row in database.execute("SELECT id FROM notes WHERE colour IS NULL")}
    assert router.kept.keys() <= kept
    assert json.loads(Connection(instances[0].port).get("/notes")[1])
