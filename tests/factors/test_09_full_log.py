"""IX. Disposability: a log that cannot be written stops neither requests nor the exit (C-15, C-19, C-26)."""

import json
import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.client import Connection, reserved_port, status, wait_for_port
from tests.support.patience import PATIENCE, SLACK
from tests.support.project import Project
from tests.support.service import Event, eventually

END_SECONDS = 2 + SLACK  # the grace of 0 s, and 2 s until what remains is cut
LONG = 240  # requests that log 6 kB each: more than is kept back


def full_pipe() -> tuple[int, int]:
    """Nobody reads."""
    reader, writer = os.pipe()
    return writer, reader


def full_pipe_that_never_waits() -> tuple[int, int]:
    """The same, as a shell or a supervisor may have left it: EAGAIN."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    return writer, reader


def full_socket() -> tuple[int, int]:
    """As systemd gives it to a service."""
    ours, theirs = socket.socketpair()
    return theirs.detach(), ours.detach()


def pipe_without_reader() -> tuple[int, int]:
    """EPIPE."""
    reader, writer = os.pipe()
    os.close(reader)
    return writer, -1


def full_disk() -> tuple[int, int]:
    """ENOSPC."""
    return os.open("/dev/full", os.O_WRONLY), -1


def closed() -> tuple[int, int]:
    """EBADF, where the service took no care of it."""
    return -1, -1


UNWRITABLE = (full_pipe, full_pipe_that_never_waits, full_socket, pipe_without_reader, full_disk, closed)


@contextmanager
def running(
    project: Project, environment: Path, stdout: int, **variables: str
) -> Iterator[tuple[int, "subprocess.Popen[bytes]"]]:
    """Run `web` with this file as stdout, or with none, and yield its port."""
    command = project.procfile()["web"]
    command[0] = str(environment / "bin" / command[0])
    if stdout < 0:
        command = ["/bin/sh", "-c", 'exec "$@" >&-', "sh", *command]
    with reserved_port() as port:
        given = {"PATH": str(environment / "bin"), "PORT": str(port), "SHUTDOWN_DRAIN_SECONDS": "0"}
        process = subprocess.Popen(
            command,
            cwd=project.path,
            env={**given, "SHUTDOWN_GRACE_SECONDS": "0", **variables},
            stdin=subprocess.DEVNULL,
            stdout=None if stdout < 0 else stdout,
            stderr=subprocess.DEVNULL,
        )
        if stdout >= 0:
            os.close(stdout)
        try:
            wait_for_port(port)
            yield port, process
        finally:
            process.kill()
            process.wait(PATIENCE)


def request_all(port: int, count: int = LONG) -> None:
    """Send requests that log much, none of which waits for the log."""
    connection = Connection(port)
    for _ in range(count):
        began = time.monotonic()
        assert connection.get("/log-long")[0].status == 200
        assert status(port, "/livez") == 200
        assert time.monotonic() - began < 1 + SLACK
    connection.close()


@pytest.mark.parametrize("made", UNWRITABLE, ids=lambda made: made.__name__)
def test_a_log_that_cannot_be_written(
    probed: Project,
    production: Path,
    attached: Mapping[str, str],
    made: Callable[[], tuple[int, int]],
) -> None:
    """C-26, C-15."""
    stdout, reader = made()
    with running(probed, production, stdout, **attached) as (port, process):
        request_all(port, LONG if reader >= 0 else 5)
        process.terminate()
        assert process.wait(END_SECONDS) == 0
    if reader >= 0:
        os.close(reader)


def test_processes_that_share_a_full_pipe(
    probed: Project, production: Path, attached: Mapping[str, str]
) -> None:
    """C-26, C-15: also where one has filled the room that another saw."""
    stdout, reader = full_pipe()
    with running(probed, production, stdout, WEB_CONCURRENCY="2", **attached) as (port, process):
        clients = [threading.Thread(target=request_all, args=[port]) for _ in range(2)]
        for client in clients:
            client.start()
        for client in clients:
            client.join(PATIENCE)
        process.terminate()
        assert process.wait(END_SECONDS) == 0
    os.close(reader)


def test_what_was_dropped_is_told(probed: Project, production: Path, attached: Mapping[str, str]) -> None:
    """C-26: once somebody reads again, as a number; what was kept back comes first, and whole."""
    stdout, reader = full_pipe()
    with running(probed, production, stdout, **attached) as (port, process):
        request_all(port)
        events: list[Event] = []

        def read() -> None:
            with os.fdopen(reader) as lines:
                events.extend(map(json.loads, lines))

        thread = threading.Thread(target=read)
        thread.start()
        eventually(lambda: any(each["event"] == "lines dropped" for each in events), "word of it")
        assert status(port, "/") == 200
        process.terminate()
        assert process.wait(END_SECONDS) == 0
        thread.join(PATIENCE)
    [dropped] = [each for each in events if each["event"] == "lines dropped"]
    written = [each for each in events if each.get("path") == "/log-long" or each["event"].startswith("long")]
    assert dropped["level"] == "warning"
    assert "request_id" not in dropped
    assert len(written) + dropped["count"] == 2 * LONG
    assert events[-1]["event"] == "stopped"
