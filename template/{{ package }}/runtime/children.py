"""Maintained by `copier update`. The child processes of the service.

A platform may send SIGTERM to every process at once. If a process of a pool ended then, the request
or the job that waits for it would fail. So it ignores SIGTERM until its pool or the service ends.
"""

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
import time
from multiprocessing import util
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGTERM, signal.SIGINT)
END = signal.SIGURG  # `Process.terminate` sends it besides SIGTERM; nothing else uses it


def protect(*logging: str) -> None:
    """Let processes of multiprocessing ignore SIGTERM, and log with these arguments."""
    os.register_at_fork(after_in_child=_forget_handlers)
    util.register_after_fork(_go_on, _enter)
    multiprocessing.set_forkserver_preload(["__main__", __name__, f"{__package__}.logs"])
    # Each process that `spawn` or `forkserver` starts gets a copy, before it does anything else.
    multiprocessing.current_process()._config["slipway"] = _Started(*logging)  # type: ignore[attr-defined]
    BaseProcess.terminate = _terminate  # type: ignore[assignment, method-assign]
    # The resource tracker has no logger: it would print what a killed process left behind.
    sys.warnoptions.append("ignore:resource_tracker")


def end() -> None:
    """Terminate the processes that still run when the service and its pools have ended."""
    for process in multiprocessing.active_children():
        process.terminate()


def _go_on(_signum: int, _frame: FrameType | None) -> None:
    """Ignore a signal. Unlike SIG_IGN, the programs that it starts do not inherit this."""


def _forget_handlers() -> None:
    """Drop the signal handlers and the event loop's wakeup that this process inherited."""
    signal.set_wakeup_fd(-1)
    for signum in SIGNALS:
        if signal.getsignal(signum) is not _go_on:
            signal.signal(signum, signal.SIG_DFL)


def _enter(_registered: object = None) -> None:
    _ignore_signals()
    received, wakeup = os.pipe()
    os.set_blocking(wakeup, False)
    signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    threading.Thread(target=_watch, args=(received,), name="parent", daemon=True).start()
    signal.pthread_sigmask(signal.SIG_SETMASK, blocked)  # only the main thread handles them


def _ignore_signals() -> None:
    signal.signal(END, _end)
    for signum in SIGNALS:
        signal.signal(signum, _go_on)


def _end(_signum: int, _frame: FrameType | None) -> None:
    if signal.getsignal(signal.SIGTERM) is _go_on:  # else it has a handler of its own
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTERM)


def _watch(received: int) -> None:
    """End with the parent, and see to it that `_end` runs.

    A handler runs before or after a system call that waits, such as for the next task of a pool. A
    signal that comes just before the call interrupts nothing, so it is sent again.
    """
    while not (parent := multiprocessing.parent_process()):  # it is set a moment later
        time.sleep(0.1)
    while parent.sentinel not in wait([parent.sentinel, received]):
        signals = os.read(received, 512)
        while END in signals and signal.getsignal(signal.SIGTERM) is _go_on:
            time.sleep(0.01)
            signal.pthread_kill(threading.main_thread().ident or 0, END)
    os._exit(0)


def _terminate(process: Any, terminate: Any = BaseProcess.terminate) -> None:
    if process.is_alive():
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, END)
    terminate(process)


class _Started:
    """Sets up a process that does not share the service's memory, when unpickled there."""

    def __init__(self, *logging: str) -> None:
        self.logging = logging

    def __reduce__(self) -> tuple[Any, tuple[str, ...]]:
        return _start, self.logging


def _start(*logging: str) -> _Started:
    protect(*logging)  # it may start processes, too
    _enter()
    from . import logs

    logs.configure(*logging)
    logs.capture_output()
    return _Started(*logging)


if "multiprocessing.forkserver" in " ".join(sys.orig_argv):  # it forks the others
    _ignore_signals()
