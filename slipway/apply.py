"""One update, in a process of its own: copier changes the working directory, which all threads share."""

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

REPORT = "\nUpdated"  # how the report of tasks/report.py begins
PATIENCE = 10  # seconds until what was told to stop is killed


@dataclass(frozen=True)
class Outcome:
    """What an update did: `report` is that of tasks/report.py, `notes` what was said before it."""

    report: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""
    problem: str = ""

    @property
    def notes(self) -> list[str]:
        """What the steps of the update have to say, a line each."""
        return [line for line in self.text.partition(REPORT)[0].splitlines() if line.strip()]

    @property
    def summary(self) -> str:
        """The report, as it is printed."""
        return self.text[len(self.text.partition(REPORT)[0]) :].strip()

    @property
    def conflicts(self) -> list[str]:
        """The files in which the user's lines and the template's meet."""
        return list(self.report.get("conflicts", []))


class Updates:
    """The updates that run now; each can be stopped."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[str]] = set()
        self._stopping = False

    def run(self, service: Service, folder: Path, data: Mapping[str, str], version: str) -> Outcome:
        """Update what is in a folder, and wait for it."""
        with tempfile.TemporaryDirectory(prefix="slipway-") as scratch:
            written = Path(scratch, "report.json")
            environment = os.environ | instead(service.address, service.template, Path(scratch, "cache"))
            environment |= {"SLIPWAY_REPORT": str(written)}
            given = json.dumps([service.address, str(folder), dict(data), version])
            command = [sys.executable, "-P", "-m", f"{__package__}.apply", given]  # not from the service
            text, status = self.execute(command, folder, environment)
            if status:
                lines = [line for line in text.splitlines() if line.strip()]
                return Outcome(text=text, problem=(lines or [f"it ended with {status}"])[-1])
            report = json.loads(written.read_text("utf-8")) if written.exists() else {}
            return Outcome(report, text)

    def execute(self, command: list[str], folder: Path, environment: Mapping[str, str]) -> tuple[str, int]:
        """Run a command, and return what it prints, and its status."""
        with self._lock:
            if self._stopping:
                return "Stopped.", 1
            # A session of its own, so that all that it starts can be stopped with it.
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
        """Stop what runs, and start nothing more."""
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
    """Send a signal to a process and to all that it has started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def main(given: str) -> int:
    """Run copier's update, and say in one line what is wrong."""
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
