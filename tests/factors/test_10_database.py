"""X. Dev/prod parity: the Postgres of `python -m dev`, which needs neither Docker nor root (C-25)."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pexpect
import pytest

from tests.support.client import Connection, reserved_port, status
from tests.support.git import commit_all, git
from tests.support.postgres import Database, Server
from tests.support.project import Project
from tests.support.service import eventually

pytestmark = pytest.mark.database

type Terminal = pexpect.spawn[str]
type Launch = Callable[..., Terminal]


@pytest.fixture
def dev(copied: Project, development: Path) -> Iterator[Launch]:
    """Return a function that runs `python -m dev` on a terminal of its own."""
    runners = []

    def launch(port: int = 0, *arguments: str, **variables: str) -> Terminal:
        path = f"{development / 'bin'}:/usr/bin:/bin:/usr/sbin"
        runner = pexpect.spawn(
            str(development / "bin" / "python"),
            ["-m", "dev", *arguments],
            cwd=str(copied.path),
            env={"PATH": path, "PORT": str(port), "TERM": "dumb", **variables},
            encoding="utf-8",
            timeout=60,
        )
        runners.append(runner)
        return runner

    yield launch
    for runner in runners:
        end(runner)
    assert of_folder(copied.path) == []


def end(runner: Terminal) -> None:
    """Press Ctrl-C, and wait for the end."""
    if runner.isalive():
        runner.sendintr()
        runner.expect(pexpect.EOF)
    runner.close()


def of_folder(folder: Path) -> list[str]:
    """Return the processes that work in a folder, or on one of its files."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().decode().split("\0")
            here = (process / "cwd").resolve()
        except OSError:  # it has just ended
            continue
        if here.is_relative_to(folder) or any(word.startswith(f"{folder}/") for word in words):
            found.append(" ".join(words))
    return found


def test_from_a_clone_to_a_service_that_keeps_notes(dev: Launch, copied: Project) -> None:
    """One command, twice: the data is still there; and git sees none of it."""
    commit_all(copied.path, "Launch")
    with reserved_port() as port:
        runner = dev(port)
        runner.expect("listening")
        response, _ = Connection(port).post("/notes", {"text": "kept"})
        assert response.status == 201
        end(runner)
        assert runner.exitstatus == 0
        assert of_folder(copied.path) == []
        dev(port).expect("listening")
        assert status(port, response.headers["location"]) == 200
    assert git(copied.path, "status", "--porcelain") == ""


def test_two_at_once_share_a_server(dev: Launch) -> None:
    """The last one stops it."""
    with reserved_port() as port, reserved_port() as other:
        first, second = dev(port), dev(other)
        for runner in (first, second):
            runner.expect("listening")
        response, _ = Connection(port).post("/notes", {"text": "kept"})
        assert status(other, response.headers["location"]) == 200
        end(first)
        assert status(other, response.headers["location"]) == 200


def test_what_was_killed_leaves_nothing_behind_for_long(dev: Launch, copied: Project) -> None:
    """The next run finds the server, and stops it in the end."""
    with reserved_port() as port:
        killed = dev(port, "run", "sleep", "60")
        eventually(lambda: any("sleep 60" in line for line in of_folder(copied.path)), "sleep", 60)
        killed.kill(signal.SIGKILL)
        for line in of_folder(copied.path):
            assert "dev" not in line.split()
        runner = dev(port)
        runner.expect("listening")
        assert status(port, "/readyz") == 200


def test_it_can_be_stopped_at_any_moment(dev: Launch, copied: Project) -> None:
    """While it makes the data, starts the server or migrates; nothing stays, and the next run is whole."""
    for moment, signum in ((0.8, signal.SIGINT), (1.6, signal.SIGTERM), (2.4, signal.SIGHUP)):
        runner = dev()
        time.sleep(moment)  # any moment is the point
        runner.kill(signum)
        runner.expect(pexpect.EOF)
        runner.close()
        assert "Traceback" not in f"{runner.before}"
        eventually(lambda: of_folder(copied.path) == [], "end of everything")
    dev().expect("listening")


def test_a_second_signal_does_not_disturb_the_end(dev: Launch, copied: Project) -> None:
    """Somebody presses Ctrl-C until it has ended: no traceback, and the server stops."""
    runner = dev()
    runner.expect("listening")
    while runner.isalive():
        runner.kill(signal.SIGINT)
        time.sleep(0.01)  # so often that some come while the server stops
    assert runner.exitstatus == 0
    assert "Traceback" not in runner.read()
    eventually(lambda: of_folder(copied.path) == [], "end of everything")


def test_it_can_be_stopped_before_it_runs_anything(dev: Launch, copied: Project) -> None:
    """Without a traceback; `.env` is a pipe here, so that reading it waits for the test."""
    os.mkfifo(copied.path / ".env")
    runner = dev()
    with (copied.path / ".env").open("w"):  # once it reads
        end(runner)
    assert "Traceback" not in f"{runner.before}"


def test_a_given_database_is_used(dev: Launch, copied: Project, postgres: Server) -> None:
    """And none of its own is started; it is migrated too."""
    given = Database(postgres, postgres.create())
    with reserved_port() as port:
        dev(port, DATABASE_URL=given.url).expect("listening")
        assert Connection(port).post("/notes", {"text": "there"})[0].status == 201
    assert given.execute("SELECT text FROM notes") == [("there",)]
    assert not (copied.path / ".dev" / "postgres").exists()


def test_one_command_gets_the_variables(dev: Launch) -> None:
    """With the status that it ends with."""
    runner = dev(
        0, "run", "python", "-c", "import os; print(os.environ['DATABASE_URL']); raise SystemExit(3)"
    )
    runner.expect("postgres://postgres@127.0.0.1:[0-9]+/order_desk")
    runner.expect(pexpect.EOF)
    runner.close()
    assert runner.exitstatus == 3
    runner = dev(0, "run", "no-such-command")
    runner.expect(pexpect.EOF)
    assert "no-such-command: No such file or directory" in f"{runner.before}"
    assert "Traceback" not in f"{runner.before}"


def test_one_command_gets_the_signals(dev: Launch) -> None:
    """So that it ends as it does in production, and leaves nothing behind."""
    program = (
        "import signal; signal.pthread_sigmask(signal.SIG_BLOCK, [15]); print('it waits', flush=True);"
        "print('it got', signal.sigwait([15])); raise SystemExit(3)"
    )
    runner = dev(0, "run", "python", "-c", program)
    runner.expect("it waits")
    runner.kill(signal.SIGTERM)
    runner.expect("it got 15")
    runner.expect(pexpect.EOF)
    runner.close()
    assert runner.exitstatus == 3
