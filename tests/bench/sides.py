"""What is measured: a process that serves, started and watched the same way on each side."""

import http.client
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.support.client import refuses, status
from tests.support.service import eventually

PATIENCE = 60.0  # seconds


@dataclass(frozen=True)
class Side:
    """A command that serves on PORT."""

    command: list[str]
    where: Path
    variables: Mapping[str, str]
    port: int

    @contextmanager
    def running(self) -> Iterator["Process"]:
        """Run it during the block, with its stdout in a pipe that is read."""
        assert refuses(self.port), f"somebody listens on {self.port}"
        began = time.perf_counter()
        process = subprocess.Popen(
            self.command, cwd=self.where, env=self.variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        reader = subprocess.Popen(["cat"], stdin=process.stdout, stdout=subprocess.DEVNULL)
        try:
            yield Process(process, began)
        finally:
            for each in (
                psutil.Process(process.pid).children(recursive=True) if process.poll() is None else ()
            ):
                each.kill()
            process.kill()
            process.wait(PATIENCE)
            reader.wait(PATIENCE)


class Process:
    """A process that runs, and its children."""

    def __init__(self, process: "subprocess.Popen[bytes]", began: float) -> None:
        self.process, self.began = process, began
        self.root = psutil.Process(process.pid)

    def seconds_until_answer(self, port: int) -> float:
        """Return how long after its start it gave its first answer."""

        def answers() -> bool:
            assert self.process.poll() is None, f"{self.process.args!r} ended with {self.process.returncode}"
            try:
                return status(port, "/") > 0
            except (ConnectionError, http.client.HTTPException):
                return False

        eventually(answers, "answer", PATIENCE)
        return time.perf_counter() - self.began

    def family(self) -> list[psutil.Process]:
        """Return the process and its descendants."""
        return [self.root, *self.root.children(recursive=True)]

    def cpu_seconds(self) -> float:
        """Return the processor time of all of them, in seconds."""
        return sum(times.user + times.system for times in (each.cpu_times() for each in self.family()))

    def megabytes(self) -> float:
        """Return their resident memory; what forked processes share counts once (PSS, on Linux)."""
        infos = [each.memory_full_info() for each in self.family()]
        return sum(getattr(info, "pss", info.rss) for info in infos) / 1e6
