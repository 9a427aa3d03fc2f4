"""A process type that is started as the Procfile says, with its output and its exit status."""

import contextlib
import io
import json
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from . import processes
from .patience import PATIENCE
from .project import Project

type Event = dict[str, Any]


def eventually(condition: Callable[[], bool], what: str, timeout: float = PATIENCE) -> None:
    """Poll until a condition is true."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"no {what} after {timeout} s"
        time.sleep(0.01)


class Output:
    """The lines of a pipe, read as they arrive."""

    def __init__(self, pipe: io.BufferedReader, news: threading.Condition) -> None:
        self.lines: list[bytes] = []
        self.news = news
        self.thread = threading.Thread(target=self.read, args=(pipe,), daemon=True)
        self.thread.start()

    def read(self, pipe: io.BufferedReader) -> None:
        """Collect lines until the last process has closed the pipe."""
        for line in pipe:
            with self.news:
                self.lines.append(line)
                self.news.notify_all()
        with self.news:
            self.news.notify_all()


class Service:
    """A running process type of a project.

    It is started without a shell, in a new session. Its environment variables are only those that the test
    gives, and a PATH with only the project's environment.
    """

    def __init__(
        self,
        project: Project,
        environment: Path,
        variables: dict[str, str],
        command: Sequence[str],
        isolation: Sequence[str] = (),
    ) -> None:
        self.variables = {"PATH": str(environment / "bin"), "PORT": "0", **variables}
        executable = shutil.which(command[0], path=self.variables["PATH"]) or command[0]
        prefix = [shutil.which(isolation[0]) or isolation[0], *isolation[1:]] if isolation else []
        self.isolated = bool(isolation)
        self.news = threading.Condition()
        self.parsed: list[Event] = []
        self.started_at = time.monotonic()
        self.process = subprocess.Popen(
            [*prefix, executable, *command[1:]],
            cwd=project.path,
            env=self.variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self.pid = self.process.pid
        assert isinstance(self.process.stdout, io.BufferedReader)
        assert isinstance(self.process.stderr, io.BufferedReader)
        self.stdout = Output(self.process.stdout, self.news)
        self.stderr = Output(self.process.stderr, self.news)

    # Its output

    @property
    def lines(self) -> list[str]:
        """Return the lines on stdout up to now."""
        return [line.decode() for line in list(self.stdout.lines)]

    @property
    def events(self) -> list[Event]:
        """Return the events up to now. A line that is not a JSON object fails the test (C-21)."""
        with self.news:
            for line in self.stdout.lines[len(self.parsed) :]:
                event = json.loads(line)
                assert isinstance(event, dict)
                self.parsed.append(event)
            return list(self.parsed)

    def find(self, event: str, **fields: Any) -> list[Event]:
        """Return the events with this name and these fields."""
        wanted = {"event": event, **fields}
        return [found for found in self.events if wanted.items() <= found.items()]

    def wait_event(self, event: str, *, count: int = 1, timeout: float = PATIENCE, **fields: Any) -> Event:
        """Wait for the `count`th event with this name and these fields."""
        self.wait_until(
            lambda: len(self.find(event, **fields)) >= count, f"{count} of {event} {fields}", timeout
        )
        return self.find(event, **fields)[count - 1]

    def wait_until(self, condition: Callable[[], bool], what: str, timeout: float = PATIENCE) -> None:
        """Wait until the output fulfils a condition."""
        with self.news:
            seen = self.news.wait_for(lambda: condition() or not self.stdout.thread.is_alive(), timeout)
            assert seen, f"no {what} in:\n{self.report()}"
            assert condition(), f"it ended with no {what}:\n{self.report()}"

    def report(self) -> str:
        """Return the whole output, for the message of a failed test."""
        return b"".join([*self.stdout.lines, b"-- stderr:\n", *self.stderr.lines]).decode()

    # Its address

    @property
    def port(self) -> int:
        """Wait until it listens, and return its port."""
        return int(self.wait_event("listening")["port"])

    @property
    def url(self) -> str:
        """Wait until it listens, and return its address."""
        return f"http://127.0.0.1:{self.port}"

    # Its end

    @property
    def root(self) -> int:
        """Return the process to which a platform would send its signals."""
        return processes.children(self.pid)[0] if self.isolated else self.pid

    def signal(self, signum: signal.Signals, to: str = "root") -> None:
        """Send a signal to the root process (as Docker does) or to "all" processes (as Heroku does)."""
        if to == "root":
            os.kill(self.root, signum)
        else:
            os.killpg(self.pid, signum)

    def terminate(self, to: str = "root") -> None:
        """Send SIGTERM."""
        self.signal(signal.SIGTERM, to)

    def wait(self, timeout: float = PATIENCE) -> int:
        """Wait until it has exited and all output is read, and return the exit status."""
        try:
            status = self.process.wait(timeout)
        except subprocess.TimeoutExpired as error:
            raise AssertionError(f"still running after {timeout} s:\n{self.report()}") from error
        for output in (self.stdout, self.stderr):
            output.thread.join(PATIENCE)
            assert not output.thread.is_alive(), "a process that it started still runs"
        return status

    def kill(self) -> None:
        """Kill it and all processes that it has started, whatever state it is in."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.wait()
