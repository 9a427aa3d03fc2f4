"""A process of the service, run with its command in the Procfile, and its log."""

import contextlib
import json
import os
import re
import shlex
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import IO, Any

from .environment import PACKAGE, secrets, variables
from dev.environment import ROOT

type Event = dict[str, Any]

PATIENCE_SECONDS = 30.0  # the limit for what should happen much sooner
MAX_LINE_BYTES = 8000
KEYS = {"timestamp", "level", "event", "logger", "process"}


def procfile() -> dict[str, list[str]]:
    """Return the command of each process type."""
    text = (ROOT / "Procfile").read_text()
    lines = re.findall(r"^([A-Za-z0-9_-]+): *(.+)$", text, re.MULTILINE)
    return {name: shlex.split(command) for name, command in lines}


def eventually(
    condition: Callable[[], bool], promise: str, within: float = PATIENCE_SECONDS
) -> None:
    """Wait for a condition. If it is not met in time, fail with the promise that was broken."""
    deadline = time.monotonic() + within
    met = False
    while not met:
        met = condition()
        assert time.monotonic() < deadline, promise
        time.sleep(0.02)


class Process:
    """A running process, in a process group of its own, and all that it logged."""

    def __init__(
        self, name: str, command: list[str], variables: dict[str, str], secrets: Iterable[str] = ()
    ) -> None:
        self.name, self.secrets = name, secrets
        self.lines: list[bytes] = []
        self.stderr: list[bytes] = []
        self.news = threading.Condition()
        self.popen = subprocess.Popen(  # noqa: S603
            command,
            cwd=ROOT,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        assert self.popen.stdout
        assert self.popen.stderr
        pipes = ((self.popen.stdout, self.lines), (self.popen.stderr, self.stderr))
        self.readers = [
            threading.Thread(target=self._read, args=pipe, daemon=True) for pipe in pipes
        ]
        for reader in self.readers:
            reader.start()

    def _read(self, pipe: IO[bytes], lines: list[bytes]) -> None:
        with pipe:
            for line in pipe:
                with self.news:
                    lines.append(line)
                    self.news.notify_all()
        with self.news:
            self.news.notify_all()

    @property
    def events(self) -> list[Event]:
        """The events so far, without the lines that are not events."""
        return [event for event in map(_event, list(self.lines)) if event]

    def find(self, name: str, **fields: Any) -> list[Event]:
        """Return the events of this name with these fields."""
        wanted = {"event": name, **fields}.items()
        return [event for event in self.events if wanted <= event.items()]

    def wait_for(
        self,
        name: str,
        promise: str = "",
        *,
        count: int = 1,
        within: float = PATIENCE_SECONDS,
        **fields: Any,
    ) -> Event:
        """Wait for the `count`th event of this name with these fields, and return it."""

        def over() -> bool:
            ended = not any(reader.is_alive() for reader in self.readers)
            return ended or len(self.find(name, **fields)) >= count

        with self.news:
            self.news.wait_for(over, within)
        found = self.find(name, **fields)
        promise = promise or f"{self.name} did not log an event that it should."
        wanted = f"{name!r} {fields or ''}"
        assert len(found) >= count, f"{promise}\nNo event {wanted} in:\n{self.report()}"
        return found[count - 1]

    @property
    def port(self) -> int:
        """Wait until `web` listens, and return its port."""
        promise = f"C-10: {self.name} does not listen."
        return int(self.wait_for("listening", promise)["port"])

    def terminate(self, to: str = "root") -> None:
        """Send SIGTERM to the root process, as Docker does, or to the group, as Heroku does."""
        if to == "root":
            os.kill(self.popen.pid, signal.SIGTERM)
        else:
            os.killpg(self.popen.pid, signal.SIGTERM)

    def wait(self, promise: str = "", within: float = PATIENCE_SECONDS) -> int:
        """Wait until it and all that it started have ended, and return the exit status."""
        promise = promise or f"{self.name} did not exit within {within:g} s."
        try:
            status = self.popen.wait(within)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{promise}\n{self.report()}") from None
        for reader in self.readers:
            reader.join(PATIENCE_SECONDS)
            assert not reader.is_alive(), f"C-15: {self.name} left a process behind."
        self.check_output()
        return status

    def check_output(self) -> None:
        """Fail if stderr has output, if a line is not an event, or if a line has a secret."""
        name = self.name
        for line in self.stderr:
            raise AssertionError(f"C-20: {name} wrote to stderr instead of stdout:\n{line!r}")
        for line in list(self.lines):
            assert not any(secret.encode() in line for secret in self.secrets), (
                f"C-22: {name} logged the value of a secret:\n{line!r}"
            )
            assert _event(line).keys() >= KEYS, (
                f"C-21: {name} wrote a line that is not a JSON object with {sorted(KEYS)}:\n"
                f"{line!r}"
            )
            assert len(line) <= MAX_LINE_BYTES, (
                f"C-21: {name} wrote a line of more than {MAX_LINE_BYTES} bytes:\n{line!r}"
            )

    def kill(self) -> None:
        """Kill it and all that it started."""
        with contextlib.suppress(ProcessLookupError):  # it has ended by itself
            os.killpg(self.popen.pid, signal.SIGKILL)
        self.popen.wait()
        for reader in self.readers:
            reader.join(PATIENCE_SECONDS)

    def report(self) -> str:
        """Return all its output, for the message of a failed test."""
        return b"".join([*self.lines, b"-- stderr:\n", *self.stderr]).decode(errors="replace")


def _event(line: bytes) -> Event:
    """Return the event in a line, or an empty one."""
    try:
        event = json.loads(line)
    except ValueError:
        return {}
    return event if isinstance(event, dict) else {}


type Start = Callable[..., Process]


@contextmanager
def starting(backing: dict[str, str], *, probed: bool = False) -> Iterator[Start]:
    """Give a function that starts a process type: `start("web", WEB_CONCURRENCY="2")`.

    If `probed` is true, the processes have the routes and the job of these tests: see `service.py`.
    All processes are killed at the end.
    """
    started: list[Process] = []
    common = variables() | backing
    hidden = secrets(common)

    def start(name: str, **others: str) -> Process:
        command = procfile()[name]
        if probed:
            assert PACKAGE in command, f"C-2: {name} is not `python -m {PACKAGE} …` in Procfile."
            command = ["tests.contract.service" if part == PACKAGE else part for part in command]
        started.append(Process(name, command, common | others, hidden))
        return started[-1]

    try:
        yield start
    finally:
        for process in started:
            process.kill()
    for process in started:
        process.check_output()
