"""Runs the processes of the Procfile side by side, and restarts them after each edit.

It uses only honcho's parser and printer. honcho's own manager leaves processes behind if it is
stopped while it starts them, and kills processes that still finish their work after 5 s.
"""

import asyncio
import datetime
import os
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from honcho.colour import get_colours  # type: ignore[import-untyped]
from honcho.environ import parse_procfile  # type: ignore[import-untyped]
from honcho.printer import Message, Printer  # type: ignore[import-untyped]
from watchfiles import Change, PythonFilter, awatch

from . import events
from .environment import ENV, ROOT

LONGEST_LINE = 16 * 1024 * 1024


def commands() -> dict[str, str]:
    """Return the command of each process type."""
    return dict(parse_procfile((ROOT / "Procfile").read_text("utf-8")).processes)


class Formation:
    """Runs until a signal, or until a process ends that an edit would not repair."""

    def __init__(
        self,
        commands: dict[str, str],
        variables: Callable[[], dict[str, str]],
        watched: Path,
        welcome: str = "",
    ) -> None:
        self.commands, self.variables, self.watched = commands, variables, watched
        self.welcome = welcome  # printed once, with the port for {port}, when `web` listens
        self.printer = Printer(width=max(map(len, commands), default=0))
        self.stop = asyncio.Event()
        self.edit = asyncio.Event()  # replaced after each edit
        self.status = 0

    async def run(self) -> int:
        """Run everything, and return 0, or the exit status of a process that ended by itself."""
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(signum, self.stop.set)
        async with asyncio.TaskGroup() as group:
            group.create_task(self.watch(self.watched, PythonFilter(), recursive=True))
            group.create_task(self.watch(ROOT, _is_env, recursive=False))
            colours = iter(get_colours())
            if release := self.commands.pop("release", None):
                await self.keep_running("release", release, next(colours))
            for name, command in self.commands.items():
                group.create_task(self.keep_running(name, command, next(colours)))
        return self.status

    async def watch(
        self, path: Path, watch_filter: Callable[[Change, str], bool], *, recursive: bool
    ) -> None:
        """Announce each edit in a folder."""
        async for _ in awatch(
            path, watch_filter=watch_filter, recursive=recursive, stop_event=self.stop
        ):
            self.edit.set()
            self.edit = asyncio.Event()

    async def keep_running(self, name: str, command: str, colour: str) -> None:
        """Run one command until the formation stops, and start it again after each edit.

        `release` ends by itself. It runs again only if it failed, after an edit.
        """
        edited = False
        while not self.stop.is_set():
            edit, stop = (asyncio.create_task(it.wait()) for it in (self.edit, self.stop))
            try:
                variables = self.variables()
            except SystemExit as error:  # .env has a line that cannot be read
                self.say(f"{error}", name, colour)
                await asyncio.wait({edit, stop}, return_when=asyncio.FIRST_COMPLETED)
                continue
            process = await asyncio.create_subprocess_shell(
                command,
                env=variables,
                cwd=ROOT,
                stdout=PIPE,
                stderr=STDOUT,
                limit=LONGEST_LINE,
                start_new_session=True,  # Ctrl-C reaches only this process, which passes it on
            )
            output = asyncio.create_task(self.relay(process, name, colour))
            try:
                await asyncio.wait({output, edit, stop}, return_when=asyncio.FIRST_COMPLETED)
                if output.done() and not self.stop.is_set():
                    if name == "release" and output.result() == 0:
                        return
                    self.ended(name, colour, output.result(), edited)
                    await asyncio.wait({edit, stop}, return_when=asyncio.FIRST_COMPLETED)
                if edited := not self.stop.is_set():
                    self.say("restarting", name, colour)
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGTERM)
            await output

    async def relay(self, process: Process, name: str, colour: str) -> int:
        """Print the output of a process, and return its exit status."""
        while process.stdout and (line := await process.stdout.readline()):
            event = events.parse(line)
            if not event:
                self.say(line, name, colour)
                continue
            for text in events.lines(event, colours=sys.stdout.isatty()):
                self.say(text, name, colour)
            if event["event"] == "listening" and self.welcome:
                for text in self.welcome.format(port=event.get("port")).splitlines():
                    self.say(text, name, colour)
                self.welcome = ""
        return await process.wait()

    def ended(self, name: str, colour: str, status: int, edited: bool) -> None:
        """Handle the end of a process. If an edit or a setting broke it, wait for an edit."""
        waits = edited or status == os.EX_CONFIG
        after = "waiting for the next edit" if waits else "stopping"
        self.say(f"ended with status {status}, {after}", name, colour)
        if status == os.EX_CONFIG:
            hint = "run `python -m dev env` to set what is missing, or edit .env"
            self.say(hint, name, colour)
        if not waits:
            self.status = status
            self.stop.set()

    def say(self, text: str | bytes, name: str, colour: str) -> None:
        """Print a line after the name of its process."""
        try:
            self.printer.write(Message("line", text, datetime.datetime.now(), name, colour))
        except OSError:  # somebody closed the terminal, or `| head` has ended
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            self.stop.set()


def _is_env(_change: Change, path: str) -> bool:
    return Path(path).name == ENV.name
