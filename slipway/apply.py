"""One update, in a separate process: copier changes the working directory, which all threads share."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from copier import run_update
from copier.errors import UserMessageError

from .errors import one_line, say
from .repository import instead
from .service import Service

REPORT = "\nUpdated"  # the first word of tasks/report.py's report
PATIENCE = 10  # seconds until a process that was asked to stop is killed


@dataclass(frozen=True)
class Outcome:
    """The result of an update: the `report` of tasks/report.py, and the `notes` printed before it."""

    report: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""
    problem: str = ""

    @property
    def notes(self) -> list[str]:
        """The messages of the update's steps, one per line."""
        return [line for line in self.text.partition(REPORT)[0].splitlines() if line.strip()]

    @property
    def summary(self) -> str:
        """The report, as it is printed."""
        return self.text[len(self.text.partition(REPORT)[0]) :].strip()

    @property
    def conflicts(self) -> list[str]:
        """The files with conflicts."""
        return list(self.report.get("conflicts", []))


class Updates:
    """The running updates, which can be stopped."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[str]] = set()
        self._stopping = False

    def run(self, service: Service, folder: Path, data: Mapping[str, str], version: str) -> Outcome:
        """Update the service in a folder, and wait for the end."""
        with tempfile.TemporaryDirectory(prefix="slipway-") as scratch:
            written = Path(scratch, "report.json")
            environment = os.environ | instead(service.address, service.template, Path(scratch, "cache"))
            environment |= {"SLIPWAY_REPORT": str(written)}
            given = json.dumps([service.address, str(folder), dict(data), version])
            command = [
                sys.executable,
                "-P",
                "-m",
                f"{__package__}.apply",
                given,
            ]  # -P: import nothing from the service's folder
            text, status = self.execute(command, folder, environment)
            if status:
                lines = [line for line in text.splitlines() if line.strip()]
                return Outcome(text=text, problem=(lines or [f"it ended with {status}"])[-1])
            report = json.loads(written.read_text("utf-8")) if written.exists() else {}
            return Outcome(report, text)

    def execute(self, command: list[str], folder: Path, environment: Mapping[str, str]) -> tuple[str, int]:
        """Run a command, and return its output and its exit status."""
        with self._lock:
            if self._stopping:
                return "Stopped.", 1
            # A new session, so that all child processes can be stopped together.
            process = subprocess.Popen(  # noqa: S603
                command,
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                encoding="utf-8",
                errors="replace",
                start_new_session=True,
            )
            self._running.add(process)
        text, _ = process.communicate()
        with self._lock:
            self._running.discard(process)
        return ("Stopped.", 1) if self._stopping else (text, process.returncode)

    def stop(self) -> None:
        """Stop the running updates, and start no more."""
        with self._lock:
            self._stopping = True
            running = list(self._running)
        for process in running:
            signal_group(process, signal.SIGTERM)
        for process in running:
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                signal_group(process, signal.SIGKILL)


def signal_group(process: subprocess.Popen[str], number: int) -> None:
    """Send a signal to a process and to all processes that it has started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def main(given: str) -> int:
    """Run copier's update. If it fails, say why in one line."""
    address, folder, data, version = json.loads(given)
    try:
        with one_line(address):
            run_update(folder, data, vcs_ref=version, defaults=True, overwrite=True, unsafe=True, quiet=True)
    except UserMessageError as error:
        say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
