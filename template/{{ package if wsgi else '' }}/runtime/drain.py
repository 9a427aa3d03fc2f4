"""From SIGTERM to the exit: drain, finish, cut.

A router goes on sending for a while after it was told to stop. So `web` goes on accepting for
SHUTDOWN_DRAIN_SECONDS, with /readyz at 503 and `Connection: close` on every response; then it stops
listening, and what runs may finish within SHUTDOWN_GRACE_SECONDS.
"""

import atexit
import os
import threading
from collections.abc import Callable
from typing import NoReturn, Protocol

import structlog

log = structlog.get_logger(__name__)


class Running(Protocol):
    """A request that has begun."""

    def cut(self) -> None:
        """Answer it in place of the application, if nothing has, and log that."""


class Drain:
    """Where a process stands between SIGTERM and its exit."""

    def __init__(self, seconds: float, grace: float) -> None:
        self.seconds = seconds
        self.patience = seconds + grace
        self.draining = False
        self.closing = False
        """Whether the drain is over: what is endless by nature ends now."""
        self.running: set[Running] = set()

    def begin(self, stop: Callable[[], None]) -> None:
        """Drain, then call `stop`; a second call changes nothing. Not to be called by a signal
        handler, which may have interrupted the start of another thread."""
        if self.draining:
            return
        self.draining = True
        log.info("draining", seconds=self.seconds)
        _after(self.seconds, self._close, stop)
        _after(self.patience, self._cut)

    def _close(self, stop: Callable[[], None]) -> None:
        self.closing = True
        stop()

    def _cut(self) -> None:
        if not self.running:
            log.error("process cut", seconds=self.patience)
        for request in list(self.running):
            request.cut()
        end()


def _after(seconds: float, function: Callable[..., None], *arguments: object) -> None:
    timer = threading.Timer(seconds, function, arguments)
    timer.daemon = True
    timer.start()


def end(status: int = 0) -> NoReturn:
    """End this process without waiting for its threads, which may hang."""
    atexit._run_exitfuncs()
    os._exit(status)
