"""Maintained by `copier update`. Writes to stdout without blocking.

A line that can be written at once is one write(2). Other lines, such as those that nobody reads, go
to a bounded backlog, which a thread writes. Lines that do not fit there, or that the disk refuses,
are dropped, counted and reported later. So a log that hangs delays no request and no exit.
"""

import atexit
import errno
import os
import select
import stat
import threading
import time
from collections import deque
from contextlib import suppress
from contextvars import Context

import structlog

BACKLOG_BYTES = 1_000_000
END_SECONDS = 0.5  # how long to write the backlog when the process ends
NOWAIT: int = getattr(os, "RWF_NOWAIT", 0)
"""Makes a write to a pipe or a socket fail instead of waiting: Linux 6.4 and later."""


class Outlet:
    """File descriptor 1 of this process."""

    def __init__(self) -> None:
        self.nowait = bool(NOWAIT)
        self.forget()
        os.register_at_fork(after_in_child=self.forget)
        atexit.register(self.end)

    def forget(self) -> None:
        """Start empty: a forked child has no thread, and its parent writes the backlog."""
        self.lock = threading.RLock()  # reentrant, because signal handlers log too
        self.backlog: deque[bytes] = deque()
        self.waiting = self.dropped = 0  # bytes, and lines
        self.torn = False
        self.thread: threading.Thread | None = None

    def write(self, line: bytes) -> None:
        """Write a line with its line break, now or later, or count it as dropped."""
        with self.lock:
            if not self.backlog:
                before = self.dropped
                line = self._write(line)
                if before and before == self.dropped and not line:
                    self._tell()
            elif self.waiting + len(line) > BACKLOG_BYTES:
                self.dropped += 1
                return
            if line:
                self.backlog.append(line)
                self.waiting += len(line)
                if not self.thread:
                    thread = threading.Thread(target=self._empty, name="log", daemon=True)
                    with suppress(RuntimeError):  # out of threads, or the interpreter is ending
                        thread.start()
                        self.thread = thread

    def end(self) -> None:
        """Wait a moment for the backlog to be written."""
        if self.thread:
            self.thread.join(END_SECONDS)

    def _write(self, line: bytes) -> bytes:
        """Write as much as is possible at once, and return the rest."""
        line = b"\n" + line if self.torn else line
        self.torn = False
        length = len(line)
        while line:
            try:
                line = line[self._write_some(line) :]
            except BlockingIOError:
                break
            except OSError:  # the disk is full, or the reader is gone
                self.torn = len(line) < length
                self.dropped += 1
                return b""
        return line

    def _write_some(self, line: bytes) -> int:
        if self.nowait:
            try:
                return os.pwritev(1, [line], -1, NOWAIT)
            except OSError as error:
                if error.errno not in (errno.EOPNOTSUPP, errno.ENOSYS):
                    raise
                self.nowait = False
        if stat.S_ISREG(os.fstat(1).st_mode):
            return os.write(1, line)
        if not _is_writable(0):
            raise BlockingIOError
        return os.write(1, line[: select.PIPE_BUF])  # poll says that this much fits

    def _empty(self) -> None:
        """Write the backlog as fast as it is read."""
        while True:
            _is_writable(60)
            with self.lock:
                before = self.waiting
                while self.backlog:
                    line = self.backlog.popleft()
                    rest = self._write(line)
                    self.waiting -= len(line) - len(rest)
                    if rest:
                        self.backlog.appendleft(rest)
                        break
                else:
                    self.thread, self.waiting = None, 0
                    if self.dropped:
                        self._tell()
                    return
            if self.waiting == before:
                time.sleep(0.01)

    def _tell(self) -> None:
        count, self.dropped = self.dropped, 0
        log = structlog.get_logger(__name__)
        Context().run(log.warning, "lines dropped", count=count)  # the lines are not this request's
        if self.dropped:  # this line was dropped too
            self.dropped = count


def _is_writable(seconds: float) -> bool:
    poll = select.poll()  # two threads must not share one
    poll.register(1, select.POLLOUT)
    return bool(poll.poll(seconds * 1000))


outlet = Outlet()
