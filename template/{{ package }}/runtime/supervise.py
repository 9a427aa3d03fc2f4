"""Maintained by `copier update`. Runs WEB_CONCURRENCY processes on one socket.

The parent forks and watches them, and replaces those that die. uvicorn's own supervisor keeps the
socket open after its children have closed it, so that new connections are reset at the end.
"""

import mmap
import os
import signal
import threading
from collections.abc import Callable
from socket import socket
from typing import NoReturn

import structlog

from .outlet import outlet
from .process import exit_on_signals

log = structlog.get_logger(__name__)

# The parent blocks these and takes them with `sigwait`, so that no handler interrupts it.
SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGCHLD, signal.SIGALRM}

type Work = Callable[[Callable[[], None]], int]


class Supervisor:
    """Runs `work` in `count` children; `work` gets a function to call when it serves.

    If a child ends before it serves, a new one would too, so all end. After a signal, the children
    have `patience` seconds until SIGKILL.
    """

    def __init__(self, count: int, work: Work, listener: socket, patience: float) -> None:
        self.work, self.listener, self.patience = work, listener, patience
        self.ready = mmap.mmap(-1, count)  # one byte for each child, shared with it
        self.parent_ends, self.parent = os.pipe()  # the first reads EOF when the parent ends
        self.slots: dict[int, int] = {}  # the slot of each living child, by process id
        self.stopping = False
        self.status = 0

    def run(self) -> int:
        """Work until a signal, and return the exit status."""
        signal.signal(signal.SIGCHLD, lambda *_: None)  # macOS drops a signal without a handler
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        for slot in range(len(self.ready)):
            self.start(slot)
        while self.slots:
            match signal.sigwait(SIGNALS):
                case signal.SIGCHLD:
                    self.reap()
                case signal.SIGALRM:
                    self.signal_all(signal.SIGKILL)
                case _:
                    self.stop()
        return self.status

    def start(self, slot: int) -> None:
        self.ready[slot] = 0
        if pid := os.fork():
            self.slots[pid] = slot
        else:
            self.child(slot)

    def child(self, slot: int) -> NoReturn:
        status = 1
        try:
            os.close(self.parent)
            threading.Thread(target=self.end_with_parent, daemon=True).start()
            exit_on_signals(0)  # until it serves
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
            status = self.work(lambda: self.ready.__setitem__(slot, 1))
        except Exception:
            log.critical("crashed", exc_info=True)
        finally:
            outlet.end()
            os._exit(status)

    def end_with_parent(self) -> None:
        os.read(self.parent_ends, 1)
        os.kill(os.getpid(), signal.SIGTERM)

    def reap(self) -> None:
        while self.slots:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            slot = self.slots.pop(pid, None)
            if slot is None or self.stopping:  # PID 1 also inherits orphans
                continue
            exit_code = os.waitstatus_to_exitcode(status)
            served = self.ready[slot] or not exit_code
            if served or exit_code < 0:  # otherwise it has said why
                log.error("worker died", pid=pid, exit_code=exit_code)
            if served:
                self.start(slot)
            else:
                self.status = 1
                self.stop()

    def stop(self) -> None:
        if not self.stopping:
            self.stopping = True
            self.listener.close()
            signal.setitimer(signal.ITIMER_REAL, self.patience)
            self.signal_all(signal.SIGTERM)

    def signal_all(self, signum: signal.Signals) -> None:
        for pid in self.slots:
            os.kill(pid, signum)
