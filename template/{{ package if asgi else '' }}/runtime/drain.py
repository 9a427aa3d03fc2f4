"""Slipway's: kept current by `copier update`. From SIGTERM to the exit: drain, finish, cut.

A router goes on sending for a while after it was told to stop. So `web` goes on accepting for
SHUTDOWN_DRAIN_SECONDS, with /readyz at 503 and `Connection: close` on every response; then it stops
listening, and what runs may finish within SHUTDOWN_GRACE_SECONDS.
"""

import asyncio
import os
import threading
from collections.abc import Callable
from weakref import WeakSet

import structlog

from .deadlines import CUT_SECONDS

log = structlog.get_logger(__name__)


class Drain:
    """Where a process stands between SIGTERM and its exit."""

    def __init__(self) -> None:
        self.draining = False
        self.streams: WeakSet[asyncio.Task[None]] = WeakSet()
        """The requests whose responses have no end of their own."""

    def begin(self, seconds: float, grace: float, stop: Callable[[], None]) -> None:
        """Drain for `seconds`, then call `stop`; `grace` seconds later the process is cut.

        Signal handlers call this; a second call changes nothing.
        """
        if self.draining:
            return
        self.draining = True
        deadline = seconds + grace + CUT_SECONDS
        last_resort = threading.Timer(deadline, _cut, [deadline])  # the loop itself may hang
        last_resort.daemon = True
        last_resort.start()
        log.info("draining", seconds=seconds)
        loop = asyncio.get_running_loop()
        loop.call_soon_threadsafe(loop.call_later, seconds, self._close, stop)

    def _close(self, stop: Callable[[], None]) -> None:
        for stream in self.streams:
            stream.cancel()
        stop()


def _cut(seconds: float) -> None:
    log.error("process cut", seconds=seconds)
    os._exit(0)


drain = Drain()
"""The drain of this process."""
