"""IV. Backing services: transactions and the pool (C-10, C-15)."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from extensions.context import ON_WSGI
from tests.conftest import Run, Start
from tests.support.client import Connection, status
from tests.support.outages import TERMINATE
from tests.support.postgres import Database
from tests.support.project import Project
from tests.support.service import Service, eventually

pytestmark = pytest.mark.database

SENT_TO = pytest.mark.parametrize("to", ["root", "all"])
WORKERS = pytest.mark.parametrize("workers", ["1", "2"])
CONSTRAINT = """
CREATE TABLE parents (id int PRIMARY KEY);
CREATE TABLE children (parent int REFERENCES parents DEFERRABLE INITIALLY DEFERRED);
"""
# A thread gives back the only connection and asks for it again; prints who gets it first.
THREADS = """
import os
import threading
import time
import psycopg
from {0}.runtime.pool import FairPool

def connect():
    return psycopg.connect(os.environ["DATABASE_URL"])

pool, order = FairPool(connect, pool_size=1, max_overflow=0, timeout=90), []

def wait():
    connection = pool.connect()
    order.append("who waited")
    connection.close()

first = pool.connect()
waits = threading.Thread(target=wait)
waits.start()
while not pool._pool.waiting:
    time.sleep(0.01)
first.close()
again = pool.connect()
order.append("who asked again")
again.close()
waits.join()
print(*order, sep=", ")
"""
# The same for coroutines.
COROUTINES = """
import asyncio
services.postgres.wait_for_connections()
engine, order = services.postgres.async_engine, []

async def ask(who):
    async with engine.connect():
        order.append(who)

async def main():
    first = await engine.connect()
    waits = asyncio.create_task(ask("who waited"))
    for _ in range(1000):
        await asyncio.sleep(0)
    await first.close()
    await ask("who asked again")
    await waits
    await engine.dispose()
    print(*order, sep=", ")

asyncio.run(main())
"""


def post(service: Service, path: str, document: object = None) -> int:
    """POST over a connection of its own, and return the status."""
    return Connection(service.port).post(path, document)[0].status


def test_the_example(start: Start, probed: Project, database: Database) -> None:
    """Notes are written, counted, read and listed."""
    connection = Connection(start(DATABASE_URL=database.url).port)
    response, body = connection.post("/notes", {"text": "one two  three"})
    note = json.loads(body)
    words = None if probed.has_queue else 3  # a job will count them
    assert (response.status, note["text"], note["words"]) == (201, "one two  three", words)
    assert response.headers["location"] == f"/notes/{note['id']}"
    assert json.loads(connection.get(response.headers["location"])[1]) == note
    others = [json.loads(connection.post("/notes", {"text": f"no. {n}"})[1]) for n in range(30)]
    assert json.loads(connection.get(f"/notes?limit=3&after={note['id']}")[1]) == others[:3]
    assert len(json.loads(connection.get("/notes")[1])) == 20
    for text in ("", "x" * 10_001, "\0", None, 7):
        assert connection.post("/notes", {"text": text})[0].status == probed.invalid
    for path in ("/notes?limit=0", "/notes?limit=101", "/notes?after=-1"):
        assert connection.get(path)[0].status == probed.invalid
    for path in ("/notes/x", f"/notes/{2**63}"):  # no such URL for some frameworks
        assert connection.get(path)[0].status in (404, probed.invalid)
    assert connection.get("/notes/999999")[0].status == 404
    assert connection.post("/notes", {"text": "x" * 10_000})[0].status == 201


def test_a_2xx_means_committed(start: Start, database: Database) -> None:
    """C-10: a constraint that only COMMIT checks makes a failure of what would have been a 201."""
    database.execute(CONSTRAINT)
    service = start(DATABASE_URL=database.url)
    response, body = Connection(service.port).post("/children", None)
    assert response.status == 500
    assert b"foreign key" not in body
    assert "fk" in service.wait_event("request failed")["exception"]
    assert len(service.find("request failed")) == 1
    assert database.execute("SELECT * FROM children") == []
    database.execute("INSERT INTO parents VALUES (1)")
    assert post(service, "/children") == 201
    assert len(database.execute("SELECT * FROM children")) == 1


def test_what_swallows_an_error_is_no_2xx(start: Start, probed: Project, database: Database) -> None:
    """C-10: Postgres makes a rollback of the COMMIT, so it is a 500; a savepoint confines the error."""
    service = start(DATABASE_URL=database.url)
    assert post(service, "/swallow/sql") == 500
    assert database.execute("SELECT * FROM notes") == []
    service.wait_event("request failed")
    if probed.answers()["framework"] in ON_WSGI:  # the others commit before they know the status
        assert post(service, "/swallow/refused") == 409
        assert database.execute("SELECT * FROM notes") == []
        assert len(service.find("request failed")) == 1
    assert post(service, "/swallow/savepoint") == 201, service.report()
    assert database.execute("SELECT text FROM notes") == [("first",)]


def test_what_is_raised_is_rolled_back_and_what_is_returned_is_committed(
    start: Start, database: Database
) -> None:
    """C-10: whatever the status, in each framework."""
    service = start(DATABASE_URL=database.url)
    assert {post(service, f"/refused/{how}") for how in ("raised", "returned")} == {404}
    assert database.execute("SELECT text FROM notes") == [("returned",)]


def test_a_session_that_commits_itself_goes_on(start: Start, probed: Project, database: Database) -> None:
    """C-10: what follows a `commit()` or a `rollback()` is a transaction of its own, committed at the end."""
    if probed.answers()["framework"] == "django":
        pytest.skip("Django has no session.")
    assert post(start(DATABASE_URL=database.url), "/commits") == 201
    assert database.execute("SELECT text FROM notes ORDER BY id") == [("first",), ("second",)]


def test_a_connection_that_is_lost_before_the_commit(start: Start, database: Database) -> None:
    """C-10, C-19: the write is refused as an outage, not as a fault of the service."""
    service = start(DATABASE_URL=database.url)
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(post, service, "/slow-notes?seconds=2")
        service.wait_event("slow-notes has begun")
        database.execute(TERMINATE)
        assert slow.result() == 503, service.report()
    assert database.execute("SELECT * FROM notes") == []
    assert service.find("request failed") == []


def test_a_transaction_that_idles_longer_than_the_server_allows(start: Start, database: Database) -> None:
    """C-19: the server ends the session, which is an outage and no fault of the service."""
    setting = "ALTER DATABASE {} SET idle_in_transaction_session_timeout = '200ms'"
    database.execute(setting.format(database.name))
    service = start(DATABASE_URL=database.url)
    assert post(service, "/slow-notes?seconds=1") == 503, service.report()
    event = service.wait_event("service unavailable")
    assert event["reason"] == "idle in transaction session timeout"
    assert service.find("request failed") == []


@SENT_TO
@WORKERS
def test_a_transaction_in_flight_at_sigterm_is_committed(
    start: Start, database: Database, to: str, workers: str
) -> None:
    """C-15, C-10: and every connection is given back."""
    service = start(DATABASE_URL=database.url, WEB_CONCURRENCY=workers, SHUTDOWN_DRAIN_SECONDS="0.2")
    service.wait_event("listening", count=int(workers))
    with ThreadPoolExecutor() as pool:
        slow = [pool.submit(post, service, "/slow-notes?seconds=1.5") for _ in range(3)]
        service.wait_event("slow-notes has begun", count=3)
        service.terminate(to)
        assert [each.result() for each in slow] == [201] * 3
    assert service.wait() == 0
    assert not [event for event in service.events if event["level"] in ("warning", "error", "critical")]
    assert len(database.execute("SELECT * FROM notes")) == 3
    eventually(lambda: database.server.connections(database.name) == 0, "end of its connections")


@SENT_TO
def test_a_transaction_that_outlasts_the_grace_is_rolled_back(
    start: Start, database: Database, to: str
) -> None:
    """C-15, C-10: nobody is told that it was kept, and it was not."""
    service = start(DATABASE_URL=database.url, SHUTDOWN_DRAIN_SECONDS="0.1", SHUTDOWN_GRACE_SECONDS="0.5")
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(post, service, "/slow-notes?seconds=60")
        service.wait_event("slow-notes has begun")
        service.terminate(to)
        assert slow.result() == 503
    assert service.wait() == 0
    assert database.execute("SELECT * FROM notes") == []
    eventually(lambda: database.server.connections(database.name) == 0, "end of its connections")


def test_nothing_connects_at_boot_and_the_pool_is_bounded(start: Start, database: Database) -> None:
    """C-24: a connection is made where it is first needed, and no more of them than the setting says."""
    service = start(DATABASE_URL=database.url, DATABASE_POOL_SIZE="2", WEB_CONCURRENCY="2")
    service.wait_event("listening", count=2)
    assert database.server.connections(database.name) == 0
    with ThreadPoolExecutor(8) as pool:
        answers = set(pool.map(lambda _: post(service, "/notes", {"text": "one"}), range(200)))
    assert answers == {201}
    assert 1 <= database.server.connections(database.name) <= 4


def test_nobody_waits_out_of_turn(run: Run, probed: Project, database: Database) -> None:
    """C-26: threads and coroutines are given connections in the order in which they ask."""
    of_coroutines = [] if probed.answers()["framework"] in ON_WSGI else [COROUTINES]
    for script in (THREADS.format(probed.name), *of_coroutines):
        done = run("shell", stdin=script, DATABASE_URL=database.url, DATABASE_POOL_SIZE="1")
        assert done.stdout.strip() == "who waited, who asked again", done


def test_a_statement_that_takes_too_long(start: Start, database: Database) -> None:
    """C-19: it ends, and so does its request; the connection serves on."""
    service = start(
        DATABASE_URL=database.url, DATABASE_STATEMENT_TIMEOUT_SECONDS="0.5", DATABASE_POOL_SIZE="1"
    )
    for _ in range(2):
        assert status(service.port, "/sql?seconds=30") == 503
    assert service.wait_event("service unavailable")["reason"] == "query canceled"
    assert post(service, "/notes", {"text": "one"}) == 201
    assert database.server.connections(database.name) == 1


def test_a_client_that_leaves_gives_its_connection_back(start: Start, database: Database) -> None:
    """C-19: whoever comes next is served."""
    service = start(DATABASE_URL=database.url, DATABASE_POOL_SIZE="1")
    connection = Connection(service.port)
    connection.request("POST", "/slow-notes?seconds=0.5")
    service.wait_event("slow-notes has begun")
    connection.close()
    service.wait_event("request", path="/slow-notes")
    assert post(service, "/notes", {"text": "one"}) == 201


def test_a_process_that_was_forked_connects_anew(start: Start, database: Database) -> None:
    """C-28, C-10: nobody gets the answers of others, and the parent keeps its connections."""
    service = start(DATABASE_URL=database.url)
    service.wait_event("listening")
    with ThreadPoolExecutor(4) as pool:
        writing = [pool.submit(post, service, "/slow-notes?seconds=2") for _ in range(3)]
        service.wait_event("slow-notes has begun", count=3)
        response, body = Connection(service.port).get("/forked")
        assert response.status == 200, service.report()
        before, *forks, after = json.loads(body)
        assert (before == after, len({before, *forks})) == (True, 3)
        assert [each.result() for each in writing] == [201] * 3
    assert len(database.execute("SELECT * FROM notes")) == 3
