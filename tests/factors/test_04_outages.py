"""IV. Backing services: a database that goes away takes nothing else with it (C-11, C-19)."""

import json
import os
import random
import shutil
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg.sql import SQL, Identifier, Literal

from extensions.context import ON_WSGI
from tests.conftest import Start
from tests.support.client import Connection, status
from tests.support.isolation import needs
from tests.support.outages import (
    TERMINATE,
    assert_away,
    assert_back,
    assert_told_calmly,
    is_ready,
    readiness,
    write,
)
from tests.support.patience import SLACK
from tests.support.postgres import Database, Server
from tests.support.project import Project
from tests.support.relay import Relay
from tests.support.router import Notes
from tests.support.service import eventually

pytestmark = pytest.mark.database

POOL_SIZE = 5
LOCKED_OUT = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


@pytest.fixture
def server(postgres: Server) -> Iterator[Server]:
    """Return this worker's server, which the test may stop; it runs again in the end."""
    yield postgres
    if postgres.pid is None:
        postgres.start()


def test_away_at_boot(start: Start, server: Server, database: Database) -> None:
    """C-19: it boots, says so, and serves once the database is there."""
    server.stop()
    service = start(DATABASE_URL=database.url)
    for _ in range(3):
        assert_away(service, "Connection refused")
    assert status(service.port, "/") == 200
    assert {event["reason"] for event in assert_told_calmly(service)} == {"Connection refused"}
    server.start()
    assert_back(service)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_killed_during_load(start: Start, server: Server, database: Database, workers: str) -> None:
    """C-19, C-10: each answer is 503 or true, none is late, and what was said to be kept is kept."""
    service = start(DATABASE_URL=database.url, WEB_CONCURRENCY=workers)
    service.wait_event("listening", count=int(workers))
    with Notes(service.port, expected=(200, 201, 503)) as clients:
        eventually(lambda: clients.served > 100, "load")
        server.stop("immediate")
        eventually(lambda: clients.refused > 100, "503")
        assert readiness(service)[0] == 503
        server.start()
        served = clients.served - clients.refused
        eventually(lambda: clients.served - clients.refused > served + 100, "load")
    assert clients.failures == []
    assert clients.longest < 2 + SLACK
    for path in clients.kept:
        assert status(service.port, path) == 200
    assert_back(service)
    if workers == "1":  # each process tells for itself
        assert assert_told_calmly(service)
    assert server.connections(database.name) <= 5 * int(workers)
    assert database.execute("SELECT 1 FROM pg_stat_activity WHERE state LIKE 'idle in%'") == []


def test_a_thousand_requests_while_it_is_restarted_twice(
    start: Start, server: Server, database: Database
) -> None:
    """C-19, C-10: every 201 can be read back."""
    service = start(DATABASE_URL=database.url)
    with Notes(service.port, expected=(200, 201, 503)) as clients:
        for served in (300, 600):
            eventually(lambda served=served: clients.served > served, "load")  # type: ignore[misc]
            server.restart()
        eventually(lambda: clients.served - clients.refused > 1_000, "load")
    assert clients.failures == []
    rows = database.execute("SELECT '/notes/' || id, text FROM notes")
    assert clients.kept.items() <= dict(rows).items()
    connection = Connection(service.port)
    for path, text in clients.kept.items():
        assert json.loads(connection.get(path)[1])["text"] == text
    assert_told_calmly(service)


def test_connections_that_are_terminated(start: Start, database: Database) -> None:
    """C-19: they are replaced unseen; one in use fails its request, and no other."""
    service = start(DATABASE_URL=database.url, DATABASE_POOL_SIZE=str(POOL_SIZE))
    sleeping = "SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'SELECT pg_sleep(%'"
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda _: write(service), range(5)))
        for _ in range(3):
            database.execute(TERMINATE)
            assert is_ready(service)
            assert write(service) == 201
        assert assert_told_calmly(service) == []
        slow = pool.submit(status, service.port, "/sql?seconds=30")
        eventually(lambda: bool(database.execute(sleeping)), "statement that runs")
        database.execute(TERMINATE)
        assert slow.result() == 503
        list(pool.map(lambda _: write(service), range(5)))
    assert [event["reason"] for event in assert_told_calmly(service)] == ["admin shutdown"]
    assert database.server.connections(database.name) <= POOL_SIZE


def test_a_rollback_that_fails(start: Start, probed: Project, database: Database) -> None:
    """C-19: whatever else went wrong, what the client is told is that the database was away.

    Django drops such a connection by itself. Flask and Django tell of what else went wrong, too.
    """
    service = start(DATABASE_URL=database.url, DATABASE_POOL_SIZE="1")
    framework = probed.answers()["framework"]
    for _ in range(2):
        assert Connection(service.port).post("/doomed", None)[0].status == (
            500 if framework == "django" else 503
        )
        assert write(service) == 201
    assert framework in ON_WSGI or assert_told_calmly(service)


def test_a_pool_that_is_exhausted(start: Start, database: Database) -> None:
    """C-19: who finds no connection is told so soon, and those at work are not disturbed."""
    service = start(DATABASE_URL=database.url, DATABASE_POOL_SIZE="2")

    def post() -> int:
        return Connection(service.port).post("/notes", {"text": "one"})[0].status

    with ThreadPoolExecutor() as pool:
        with psycopg.connect(database.url) as connection:
            connection.execute("LOCK TABLE notes")  # until the end of the block
            slow = [pool.submit(post) for _ in range(2)]
            eventually(lambda: len(database.execute(LOCKED_OUT)) == 2, "two that wait for the lock")
            assert_away(service, "no free connection")
        assert [each.result() for each in slow] == [201, 201]
    assert_back(service)
    assert_told_calmly(service)
    eventually(lambda: database.server.connections(database.name) <= 2, "end of those of the test")


def test_a_database_that_is_read_only(start: Start, database: Database) -> None:
    """C-19: as a standby is, or a database whose owner has set it so. Reading goes on."""
    service = start(DATABASE_URL=database.url)
    assert write(service) == 201
    for value in ("on", "off"):
        change = SQL("ALTER DATABASE {} SET default_transaction_read_only = {}")
        database.server.execute(change.format(Identifier(database.name), Literal(value)))
        database.execute(TERMINATE)  # they have the old setting
        if value == "on":
            assert_away(service, "read-only")
            assert status(service.port, "/notes") == 200
    assert_back(service)
    assert_told_calmly(service)


@contextmanager
def small_disk(server: Server) -> Iterator[Path]:
    """Mount a file system that is full at 32 MB, and that the server may write to."""
    disk = server.folder / "disk"
    disk.mkdir()
    owner = server.data.stat()
    options = f"size=32m,uid={owner.st_uid},gid={owner.st_gid}"
    mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(disk)]
    needs(("unshare", "--mount"))
    if os.geteuid() or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting is not permitted here")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)
        disk.rmdir()


def test_a_disk_that_is_full(start: Start, server: Server, migrated: str) -> None:
    """C-19: what cannot be written is refused, and it recovers with the space."""
    with small_disk(server) as disk:
        space = disk / "space"
        space.mkdir()
        os.chown(space, disk.stat().st_uid, disk.stat().st_gid)
        server.execute(SQL("CREATE TABLESPACE small LOCATION {}").format(str(space)))
        copy = SQL("CREATE DATABASE small TEMPLATE {} TABLESPACE small")
        server.execute(copy.format(Identifier(migrated)))
        service = start(DATABASE_URL=server.url("small"))
        assert write(service) == 201
        ballast = disk / "ballast"
        ballast.write_bytes(bytes(shutil.disk_usage(disk).free))
        assert readiness(service) == (503, {"postgres": "disk full"})
        connection = Connection(service.port)
        text = random.Random(0).randbytes(4_000).hex()  # does not shrink
        answers = [connection.post("/notes", {"text": text})[0].status for _ in range(10)]
        assert set(answers) <= {201, 503}  # what still fits into a page is kept
        assert answers[-1] == 503
        ballast.unlink()
        assert_back(service)
        assert_told_calmly(service)
        service.kill()
        server.execute("DROP DATABASE small WITH (FORCE)")
        server.execute("DROP TABLESPACE small")


def test_a_database_that_answers_nothing(start: Start, server: Server, database: Database) -> None:
    """C-19: while its disk hangs, say. Nobody waits for it: those that have a connection give it up."""
    service = start(DATABASE_URL=database.url)
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda _: write(service), range(5)))
        with server.frozen():
            for _ in range(2):
                answers = [pool.submit(write, service) for _ in range(9)]
                assert {answer.result() for answer in answers} == {503}
            status, reasons = readiness(service)
            assert status == 503
            assert reasons["postgres"] in ("no free connection", "no answer in time")  # 0.1 s apart
    assert_back(service)
    assert_told_calmly(service)
    eventually(lambda: server.connections(database.name) <= 5, "end of what was given up")


def test_a_statement_that_runs_when_it_freezes(start: Start, server: Server, database: Database) -> None:
    """C-19: is given up within two seconds, too, and one that is only slow is not."""
    service = start(DATABASE_URL=database.url)
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(status, service.port, "/sql?seconds=4")
        running = "SELECT 1 FROM pg_stat_activity WHERE query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()"
        eventually(lambda: bool(database.execute(running)), "statement")
        assert slow.result() == 200
        slow = pool.submit(status, service.port, "/sql?seconds=8")
        eventually(lambda: len(database.execute(running)) == 1, "statement")
        with server.frozen():
            began = time.monotonic()
            assert slow.result() == 503
            assert time.monotonic() - began < 2 + SLACK
    assert_back(service)
    assert_told_calmly(service)


def test_a_primary_that_has_become_read_only(start: Start, server: Server, database: Database) -> None:
    """C-19: a failover may keep its connections alive; the next ones may reach the new primary."""
    service = start(DATABASE_URL=database.url)
    assert write(service) == 201
    backends = SQL("SELECT pid FROM pg_stat_activity WHERE datname = {}").format(Literal(database.name))
    before = set(server.execute(backends))
    try:
        server.execute("ALTER SYSTEM SET default_transaction_read_only = on")
        server.execute("SELECT pg_reload_conf()")
        eventually(lambda: write(service) == 503, "word of it")
        eventually(
            lambda: write(service) == 503 and set(server.execute(backends)) != before, "new connections"
        )
    finally:
        server.execute("ALTER SYSTEM RESET default_transaction_read_only")
        server.execute("SELECT pg_reload_conf()")
    assert_back(service)
    assert {event["reason"] for event in assert_told_calmly(service)} == {"read-only"}


@pytest.mark.variants
def test_a_network_that_is_slow_and_resets(start: Start, server: Server, database: Database) -> None:
    """C-19: what is late is served as long as it comes in time; a reset costs the requests that it met."""
    with Relay(server.port) as relay:
        service = start(DATABASE_URL=database.url.replace(str(server.port), str(relay.port)))
        assert write(service) == 201
        relay.delay = 0.1
        assert write(service) == 201
        assert is_ready(service)
        relay.delay = 5
        for _ in range(3):
            assert write(service) == 503
            assert not is_ready(service)
        relay.delay = 0
        assert_back(service)
        for _ in range(10):
            relay.reset()
            assert write(service) in (201, 503)
        assert_back(service)
    assert_told_calmly(service)
