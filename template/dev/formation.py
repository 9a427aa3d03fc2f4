"""What the Procfile names, side by side, and anew after each edit.

honcho's own manager leaves processes behind when it is stopped while it starts them, and kills
after 5 s what still finishes its work. So only its parser and its printer are used.
"""

import asyncio
import datetime
import os
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from contextlib import suppress
from pathlib import Path

from honcho.colour import get_colours  # type: ignore[import-untyped]
from honcho.environ import parse_procfile  # type: ignore[import-untyped]
from honcho.printer import Message, Printer  # type: ignore[import-untyped]
from watchfiles import PythonFilter, awatch

from .environment import ROOT

LONGEST_LINE = 16 * 1024 * 1024


def commands() -> dict[str, str]:
    """The process types that run all the time, and their commands."""
    processes = parse_procfile((ROOT / "Procfile").read_text("utf-8")).processes
    return {name: command for name, command in processes.items() if name != "release"}


class Formation:
    """Runs until a signal stops it, or until a process ends that no edit can have broken."""

    def __init__(self, commands: dict[str, str], variables: dict[str, str], watched: Path) -> None:
        self.commands, self.variables, self.watched = commands, variables, watched
        self.printer = Printer(width=max(map(len, commands), default=0))
        self.stop = asyncio.Event()
        self.status = 0

    async def run(self) -> int:
        """Run everything, and return the exit status: 0, or that of the process that ended."""
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(signum, self.stop.set)
        async with asyncio.TaskGroup() as group:
            for (name, command), colour in zip(self.commands.items(), get_colours(), strict=False):
                group.create_task(self.keep_running(name, command, colour))
        return self.status

    async def keep_running(self, name: str, command: str, colour: str) -> None:
        """Run one command until the formation stops, and start it again after each edit."""
        edits = awatch(self.watched, watch_filter=PythonFilter(), stop_event=self.stop)
        edited = False
        while not self.stop.is_set():
            process = await asyncio.create_subprocess_shell(
                command,
                env=self.variables,
                cwd=ROOT,
                stdout=PIPE,
                stderr=STDOUT,
                limit=LONGEST_LINE,
                start_new_session=True,  # Ctrl-C reaches this process alone, which passes it on
            )
            output = asyncio.create_task(self.relay(process, name, colour))
            edit = asyncio.create_task(anext(edits, None))
            try:
                await asyncio.wait({output, edit}, return_when=asyncio.FIRST_COMPLETED)
                if output.done() and not self.stop.is_set():
                    self.ended(name, colour, output.result(), edited)
                edited = bool(await edit)
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGTERM)
            await output

    async def relay(self, process: Process, name: str, colour: str) -> int:
        """Print what a process says, and return its exit status."""
        while process.stdout and (line := await process.stdout.readline()):
            self.say(line, name, colour)
        return await process.wait()

    def ended(self, name: str, colour: str, status: int, edited: bool) -> None:
        """A process has ended by itself. After an edit the next edit may mend it; else all end."""
        after = "waiting for the next edit" if edited else "stopping"
        self.say(f"ended with status {status}, {after}", name, colour)
        if status == os.EX_CONFIG:
            self.say("`python -m dev env` asks for the settings that .env lacks", name, colour)
        if not edited:
            self.status = status
            self.stop.set()

    def say(self, text: str | bytes, name: str, colour: str) -> None:
        """Print a line behind the name of its process."""
        try:
            self.printer.write(Message("line", text, datetime.datetime.now(), name, colour))
        except OSError:  # the terminal was closed, or `| head` has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            self.stop.set()
