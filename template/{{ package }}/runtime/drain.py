"""Slipway's: kept current by `copier update`. From SIGTERM to the exit: drain, finish, cut.

A router goes on sending for a while after it was told to stop. So `web` goes on accepting for
SHUTDOWN_DRAIN_SECONDS, with /readyz at 503 and `Connection: close` on every response; then it stops
listening, and what runs may finish within SHUTDOWN_GRACE_SECONDS.
"""

import asyncio
import atexit
import os
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue
from typing import NoReturn
from weakref import WeakSet

import structlog

from .deadlines import CUT_SECONDS, LAST_WORD_SECONDS

log = structlog.get_logger(__name__)


class Drain:
    """Where a process stands between SIGTERM and its exit."""

    def __init__(self) -> None:
        self.draining = False
        self.streams: WeakSet[asyncio.Task[None]] = WeakSet()
        """The requests whose responses have no end of their own."""
        # Signal handlers may put into it, whatever they interrupt, and could start no thread.
        self.deadlines: SimpleQueue[float] = SimpleQueue()

    def watch(self) -> None:
        """From now on, end the process where its event loop cannot."""
        threading.Thread(target=self._cut, daemon=True).start()

    def begin(self, seconds: float, grace: float, stop: Callable[[], None]) -> None:
        """Drain for `seconds`, then call `stop`; `grace` seconds later the process is cut.

        Signal handlers call this; a second call changes nothing.
        """
        if self.draining:
            return
        self.draining = True
        self.deadlines.put(seconds + grace + CUT_SECONDS)
        loop = asyncio.get_running_loop()
        loop.call_soon_threadsafe(loop.call_later, seconds, self._close, stop)
        log.info("draining", seconds=seconds)

    def _close(self, stop: Callable[[], None]) -> None:
        for stream in self.streams:
            stream.cancel()
        stop()

    def _cut(self) -> None:
        seconds = self.deadlines.get()
        time.sleep(seconds)
        word = threading.Thread(target=partial(log.error, "process cut", seconds=seconds))
        word.daemon = True
        word.start()
        word.join(LAST_WORD_SECONDS)
        os._exit(0)


def end(status: int = 0) -> NoReturn:
    """End this process without waiting for its threads, which may hang."""
    atexit._run_exitfuncs()  # CPython has no public name for it
    sys.stdout.flush()
    os._exit(status)


drain = Drain()
"""The drain of this process."""
