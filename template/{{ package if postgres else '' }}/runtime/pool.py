"""Maintained by `copier update`. A pool of connections that gives none out of turn."""

import time
from typing import Any

from sqlalchemy import QueuePool
from sqlalchemy.util.queue import Queue


class InTurn(Queue[Any]):
    """Gives connections to threads in the order in which they ask.

    In SQLAlchemy 2.1, a thread that puts a connection back and needs it again takes it before the
    thread that waits for it wakes up. Under load, some threads would wait until their time is over.
    """

    waiting = 0

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        with self.not_empty:
            if block and self.qsize() <= self.waiting:
                end = timeout and time.monotonic() + timeout
                self.waiting += 1
                try:
                    while self.not_empty.wait(end and end - time.monotonic()) and self.empty():
                        pass  # it was taken without waiting
                finally:
                    self.waiting -= 1
            return super().get(block=False)


class FairPool(QueuePool):
    """SQLAlchemy's pool for threads, with such a queue."""

    __module__ = QueuePool.__module__  # SQLAlchemy names the logger of a pool by it
    _queue_class = InTurn
