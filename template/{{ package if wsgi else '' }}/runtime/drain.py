"""Slipway's: kept current by `copier update`. From SIGTERM to the exit: drain, finish, cut.

A router goes on sending for a while after it was told to stop. So `web` goes on accepting for
SHUTDOWN_DRAIN_SECONDS, with /readyz at 503 and `Connection: close` on every response; then it stops
listening, and what runs may finish within SHUTDOWN_GRACE_SECONDS.
"""

import atexit
import os
import threading
from collections.abc import Callable
from contextvars import copy_context
from functools import partial
from typing import NoReturn

import structlog

log = structlog.get_logger(__name__)


class Drain:
    """Where a process stands between SIGTERM and its exit."""

    def __init__(self) -> None:
        self.draining = False
        self.closing = False
        """Whether the drain is over: a response that has no end of its own ends now."""
        self.running: dict[object, Callable[[], None]] = {}

    def begin(self, seconds: float, grace: float, stop: Callable[[], None]) -> None:
        """Drain for `seconds`, then call `stop`; `grace` seconds later the process is cut.

        A second call changes nothing. No signal handler may call this: it could interrupt the start
        of another thread.
        """
        if self.draining:
            return
        self.draining = True
        log.info("draining", seconds=seconds)
        _after(seconds, self._close, stop)
        _after(seconds + grace, self._cut, seconds + grace)

    def enter(self, cut: Callable[[], None]) -> object:
        """Note that a request runs; another thread calls `cut` if it outlasts the grace."""
        request = object()
        self.running[request] = partial(copy_context().run, cut)
        return request

    def leave(self, request: object) -> bool:
        """Note that a request has ended, and return whether it was not cut."""
        return self.running.pop(request, None) is not None

    def _close(self, stop: Callable[[], None]) -> None:
        self.closing = True
        stop()

    def _cut(self, seconds: float) -> None:
        try:
            if not self.running:
                log.error("process cut", seconds=seconds)
            for request in reversed(list(self.running)):  # the inner steps before the outer ones
                if cut := self.running.pop(request, None):
                    cut()
        except Exception:
            log.exception("cut failed")
        end()


def _after(seconds: float, function: Callable[..., None], *arguments: object) -> None:
    timer = threading.Timer(seconds, function, arguments)
    timer.daemon = True
    timer.start()


def end(status: int = 0) -> NoReturn:
    """End this process without waiting for its threads, which may hang."""
    atexit._run_exitfuncs()  # CPython has no public name for it
    os._exit(status)


drain = Drain()
"""The drain of this process."""
