"""From SIGTERM to the exit: drain, finish, cut.

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

log = structlog.get_logger(__name__)


class Drain:
    """Where a web process stands between SIGTERM and its exit."""

    def __init__(self, seconds: float, grace: float) -> None:
        self.seconds = seconds
        self.patience = seconds + grace + 0.8  # which leaves a moment to clean up after the cut
        self.draining = False
        self.streams: WeakSet[asyncio.Task[None]] = WeakSet()

    def begin(self, stop: Callable[[], None]) -> None:
        """Drain, then call `stop`. Called by signal handlers; a second call changes nothing."""
        if self.draining:
            return
        self.draining = True
        log.info("draining", seconds=self.seconds)
        loop = asyncio.get_running_loop()
        loop.call_soon_threadsafe(loop.call_later, self.seconds, self._close, stop)
        last_resort = threading.Timer(self.patience, self._cut)  # the loop itself may hang
        last_resort.daemon = True
        last_resort.start()

    def _close(self, stop: Callable[[], None]) -> None:
        for stream in self.streams:  # endless by nature
            stream.cancel()
        stop()

    def _cut(self) -> None:
        log.error("process cut", seconds=self.patience)
        os._exit(0)
