"""The command `slipway`."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from copier.errors import UserMessageError

from .errors import say
from .new import new

STOPPED = 130


def answer(text: str) -> tuple[str, str]:
    """Read QUESTION=ANSWER."""
    question, equals, given = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r} must be QUESTION=ANSWER")
    return question, given


def parser() -> argparse.ArgumentParser:
    """Return what reads the command line."""
    slipway = argparse.ArgumentParser("slipway", description="Launch services, and keep them up to date.")
    commands = slipway.add_subparsers(dest="command", required=True, metavar="COMMAND")
    launch = commands.add_parser("new", help="launch a service", description="Launch a service.")
    launch.add_argument(
        "folder", type=Path, metavar="DIR", help="where it goes; a folder that is not there yet"
    )
    launch.add_argument(
        "-d",
        "--data",
        type=answer,
        action="append",
        default=[],
        metavar="QUESTION=ANSWER",
        help="answer a question beforehand",
    )
    launch.add_argument("--defaults", action="store_true", help="ask nothing")
    launch.add_argument(
        "--version", help="a tag or a commit of the template; the latest release if not given"
    )
    return slipway


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command, and return its exit status."""
    given = parser().parse_args(arguments)
    try:
        new(given.folder, dict(given.data), defaults=given.defaults, version=given.version)
    except UserMessageError as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        say("Stopped.")
        return STOPPED
    return 0
