"""IV. Backing services: Django's connections, as its documentation uses them (C-10, C-19, C-28)."""

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.conftest import Start
from tests.support.client import Connection, status
from tests.support.patience import SLACK
from tests.support.postgres import Database, Server
from tests.support.project import Project
from tests.support.service import eventually

pytestmark = pytest.mark.database

TESTS = """
from django.db import connection, transaction
from django.test import TestCase, TransactionTestCase

from .models import Note


class Flushed(TransactionTestCase):
    def test_it_has_a_database_of_its_own(self):
        assert connection.settings_dict["NAME"].startswith("test_")
        assert not Note.objects.exists()
        Note.objects.create(text="one", words=1)

    def test_it_begins_with_nothing(self):
        assert not Note.objects.exists()


class RolledBack(TestCase):
    @classmethod
    def setUpTestData(cls):
        Note.objects.create(text="of all", words=1)

    def test_hooks_and_counts(self):
        with self.captureOnCommitCallbacks(execute=True) as hooks:
            transaction.on_commit(lambda: None)
        assert len(hooks) == 1
        with self.assertNumQueries(1):
            assert Note.objects.count() == 1

    def test_the_client_shares_the_transaction(self):
        document = {"text": "two"}
        answer = self.client.post("/notes", document, content_type="application/json")
        assert answer.status_code == 201
        assert Note.objects.count() == 2


class Another(TestCase):
    def test_it_sees_nothing_of_the_others(self):
        assert not Note.objects.exists()
"""


@pytest.fixture(autouse=True)
def only_django(pristine: Project) -> None:
    """Leave the other frameworks to their own tests."""
    if pristine.answers()["framework"] != "django":
        pytest.skip("This is Django's.")


def manage(
    project: Project, environment: Path, url: str, *arguments: str, path: str = ""
) -> "subprocess.CompletedProcess[str]":
    """Run manage.py with these variables and no others."""
    return subprocess.run(
        [str(environment / "bin" / "python"), "manage.py", *arguments],
        cwd=project.path,
        env={
            "PATH": f"{environment / 'bin'}:{path}",
            "DATABASE_URL": url,
            "REDIS_URL": "redis://nobody.invalid",
            **project.secrets,
        },
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.parametrize("options", [(), ("--parallel", "2")], ids=["one", "parallel"])
def test_a_test_run_has_a_database_of_its_own(
    copied: Project, production: Path, database: Database, options: tuple[str, ...]
) -> None:
    """C-28: and leaves the service's alone."""
    (copied.package / "tests.py").write_text(TESTS)
    database.execute("INSERT INTO notes (text) VALUES ('precious')")
    done = manage(copied, production, database.url, "test", *options, copied.name)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Ran 5 tests" in done.stderr
    assert database.execute("SELECT text FROM notes") == [("precious",)]


def test_commands_that_use_the_database(
    pristine: Project, production: Path, postgres: Server, database: Database
) -> None:
    """C-28: they reach the one of DATABASE_URL."""
    tables = manage(pristine, production, database.url, "inspectdb", "notes")
    assert "created_at" in tables.stdout, tables.stderr
    query = ("dbshell", "--", "-Atc", "SELECT current_database()")
    shell = manage(pristine, production, database.url, *query, path=str(postgres.wheel.bin_path))
    assert shell.stdout.strip() == database.name, shell.stderr


@pytest.mark.parametrize("path", ["/background", "/background?open"])
def test_a_thread_gives_its_connection_back(start: Start, database: Database, path: str) -> None:
    """C-28: whether or not its code closes it, or ends its transaction."""
    service = start(DATABASE_URL=database.url, DATABASE_POOL_SIZE="2")
    assert [status(service.port, path) for _ in range(6)] == [200] * 6
    assert status(service.port, "/readyz") == 200
    eventually(lambda: database.server.connections(database.name) <= 2, "end of its connections")


def test_threads_that_live_on_take_no_connection_from_the_pool(start: Start, database: Database) -> None:
    """C-28, C-19: a `ThreadPoolExecutor` may query, and those that serve have the pool to themselves."""
    service = start(DATABASE_URL=database.url, DATABASE_POOL_SIZE="2")
    for _ in range(3):
        assert status(service.port, "/executor") == 200, service.report()
        assert status(service.port, "/readyz") == 200
    # those of the executor that lives on, and those of the threads that serve
    eventually(lambda: database.server.connections(database.name) <= 8 + 2, "end of the others")


RECEIVER = """
from django.core.signals import request_finished
from django.dispatch import receiver


@receiver(request_finished)
def count(**_):
    time.sleep(0.5)
    Note.objects.count()
"""


@pytest.mark.parametrize("how", ["receiver", "CONN_MAX_AGE", "exit"])
def test_threads_that_idle_keep_no_connection(
    start: Start, copied: Project, database: Database, how: str
) -> None:
    """C-19: whatever is the last to query, and whatever Django's settings say of persistent connections."""
    copied.add_routes()
    if how == "receiver":
        copied.append("routes.py", RECEIVER)
    elif how == "CONN_MAX_AGE":
        copied.append("django_settings.py", '\nDATABASES["default"]["CONN_MAX_AGE"] = 60\n')
    service = start(copied, DATABASE_URL=database.url, DATABASE_POOL_SIZE="10")
    path = {"receiver": "/idle?seconds=1", "CONN_MAX_AGE": "/sql?seconds=0.5", "exit": "/quits"}[how]
    for _ in range(2):
        with ThreadPoolExecutor(10) as pool:
            list(pool.map(lambda _: status(service.port, path), range(10)))
        for _ in range(3):
            assert status(service.port, "/readyz") == 200, service.report()
            assert status(service.port, "/notes") == 200


def test_a_view_without_a_query_takes_no_connection(start: Start, database: Database) -> None:
    """C-19: ten at once leave the only connection to who needs it."""
    service = start(DATABASE_URL=database.url, DATABASE_POOL_SIZE="1")
    with ThreadPoolExecutor(10) as pool:
        idle = [pool.submit(status, service.port, "/idle?seconds=2") for _ in range(10)]
        service.wait_event("idle has begun", count=10)
        assert Connection(service.port).post("/notes", {"text": "one"})[0].status == 201
        assert not any(each.done() for each in idle)
        assert [each.result() for each in idle] == [200] * 10


def test_an_async_view(start: Start, database: Database) -> None:
    """C-28: it has no transaction, and Django says so unless the view does."""
    service = start(DATABASE_URL=database.url)
    assert status(service.port, "/awaiting") == 200
    assert database.execute("SELECT text FROM notes") == [("awaited",)]
    assert status(service.port, "/atomic") == 500
    assert "ATOMIC_REQUESTS with async views" in service.wait_event("request failed")["exception"]


def test_a_view_that_answers_nothing_keeps_nothing(start: Start, database: Database) -> None:
    """C-10: it is a 500, with Django's own explanation."""
    service = start(DATABASE_URL=database.url)
    assert status(service.port, "/forgetful") == 500
    assert "didn't return an HttpResponse" in service.wait_event("request failed")["exception"]
    assert database.execute("SELECT * FROM notes") == []


@pytest.mark.parametrize("how", ["sql", "model", "merged", "flag"])
def test_a_2xx_after_an_error_that_was_caught(start: Start, database: Database, how: str) -> None:
    """C-10: Postgres makes a rollback of the COMMIT, so it is a 500, and one event says why."""
    service = start(DATABASE_URL=database.url)
    assert Connection(service.port).post(f"/swallow/{how}", None)[0].status == 500
    assert "rolled back" in service.wait_event("request failed")["exception"]
    assert [event["event"] for event in service.events if event["level"] == "error"] == ["request failed"]
    assert database.execute("SELECT * FROM notes") == []
    assert Connection(service.port).post("/notes", {"text": "one"})[0].status == 201


@pytest.mark.parametrize("where", ["inner", "own", "unblocked", "threaded"])
def test_a_2xx_after_an_error_that_was_caught_in_a_block(
    start: Start, database: Database, where: str
) -> None:
    """C-10: an `atomic` block that loses what it wrote says so; one that `set_rollback` ends does not."""
    service = start(DATABASE_URL=database.url)
    for how in ("sql", "model", "error"):
        assert Connection(service.port).post(f"/{where}/{how}", None)[0].status == 500, how
    service.wait_event("request failed", count=3)
    assert all("rolled back" in event["exception"] for event in service.find("request failed"))
    assert Connection(service.port).post(f"/{where}/flag", None)[0].status == 201
    assert database.execute("SELECT * FROM notes") == []


def test_a_2xx_after_an_error_and_a_commit_by_hand(start: Start, database: Database) -> None:
    """C-10: Postgres would make a rollback of it, too."""
    service = start(DATABASE_URL=database.url)
    assert Connection(service.port).post("/manual/model", None)[0].status == 500
    assert database.execute("SELECT * FROM notes") == []


def test_what_is_kept_and_what_is_not(start: Start, database: Database) -> None:
    """C-10: a savepoint confines an error, whose refusal keeps nothing."""
    service = start(DATABASE_URL=database.url)
    for path, answer in (("savepoint", 201), ("refused", 409)):
        assert Connection(service.port).post(f"/swallow/{path}", None)[0].status == answer
    assert Connection(service.port).post("/nested", None)[0].status == 201
    service.wait_event("the hook has run")
    assert database.execute("SELECT text FROM notes ORDER BY id") == [("first",), ("nested",)]


def test_a_database_that_is_frozen_holds_nobody(start: Start, postgres: Server, database: Database) -> None:
    """C-19: also not those that have a connection."""
    service = start(DATABASE_URL=database.url, DATABASE_STATEMENT_TIMEOUT_SECONDS="1")
    with ThreadPoolExecutor(9) as pool:
        list(pool.map(lambda _: status(service.port, "/notes"), range(5)))
        waiting = pool.submit(status, service.port, "/sql?seconds=60")
        service.wait_event("sql has begun")
        with postgres.frozen():
            answers = [pool.submit(status, service.port, "/notes") for _ in range(8)]
            done = [*answers, waiting]
            eventually(lambda: all(each.done() for each in done), "answers", timeout=5 + SLACK)
    assert {each.result() for each in done} == {503}
    eventually(lambda: status(service.port, "/readyz") == 200, "readiness")


def test_a_primary_that_has_become_read_only_is_left(
    start: Start, postgres: Server, database: Database
) -> None:
    """C-19: a failover may keep its connections alive; the next one may reach the new primary."""
    service = start(DATABASE_URL=database.url)

    def backend() -> int:
        return int(json.loads(Connection(service.port).get("/backend")[1])["pid"])

    before = backend()
    assert backend() == before
    try:
        postgres.execute("ALTER SYSTEM SET default_transaction_read_only = on")
        postgres.execute("SELECT pg_reload_conf()")
        eventually(lambda: backend() != before, "connections that are given up")
        assert backend() == backend(), "a standby that is meant to be one costs no connect for each request"
    finally:
        postgres.execute("ALTER SYSTEM RESET default_transaction_read_only")
        postgres.execute("SELECT pg_reload_conf()")
    eventually(lambda: backend() == backend(), "connections that are kept")


def test_nothing_is_set_in_the_session(start: Start, database: Database) -> None:
    """PgBouncer, in transaction mode, would give it to others."""
    service = start(DATABASE_URL=database.url, DATABASE_STATEMENT_TIMEOUT_SECONDS="7")
    assert json.loads(Connection(service.port).get("/backend")[1])["statement_timeout"] == "0"
