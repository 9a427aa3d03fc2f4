"""Maintained by `copier update`. The start of every process."""

# ruff: noqa: E402
import os
import signal
import sys


def exit_on_signals(status: int) -> None:
    """End at once, with this status, at SIGTERM and Ctrl-C."""
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_: os._exit(status))


# Before all other imports, because PID 1 ignores signals without a handler. A boot has nothing to
# clean up: a process type loses nothing (status 0), and a one-off command did not run (status 1).
exit_on_signals(0 if sys.argv[1:] in (["web"], ["worker"], ["clock"]) else 1)

import argparse
import atexit
from collections.abc import Callable, Mapping

import structlog

from . import children, logs
from .config import RuntimeSettings
from .drain import end

type Processes[S] = Mapping[str, Callable[[S], int]]


def main[S: RuntimeSettings](
    process_types: Processes[S], one_off: Processes[S], read_settings: Callable[[], S]
) -> int:
    """Run the process that the command line names, and return its exit status.

    Each process is a function of the settings, and its docstring is its line in `--help`.
    A process type runs until SIGTERM, so it exits with 0 if SIGTERM comes during its boot.
    """
    parser = argparse.ArgumentParser(prog=f"python -m {__name__.partition('.')[0]}")
    commands = parser.add_subparsers(dest="process", metavar="PROCESS", required=True)
    processes = {**process_types, **one_off}
    for name, process in processes.items():
        commands.add_parser(name, help=process.__doc__)
    sys.stderr = sys.stdout  # one stream, for usage errors and the console too
    name = parser.parse_args().process

    exit_on_signals(0 if name in process_types else 1)
    logs.configure(name)
    if name != "shell":
        logs.capture_output()
    settings = read_settings()
    logs.configure(name, settings.log_level, settings.log_format)
    if name != "shell":
        children.protect(name, settings.log_level, settings.log_format)
    if name in process_types:
        atexit.register(children.end)
    try:
        return processes[name](settings)
    except Exception:
        structlog.get_logger(__name__).critical("cannot start", exc_info=True)
        end(1)  # otherwise its threads would keep it alive
