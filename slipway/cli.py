"""The command `slipway`."""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from copier.errors import UserMessageError

from .adopt import adopt
from .errors import say
from .fleet import status, update_all
from .new import new
from .update import abort

STOPPED = 130


def answer(text: str) -> tuple[str, str]:
    """Parse QUESTION=ANSWER."""
    question, equals, given = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r} must have the form QUESTION=ANSWER")
    return question, given


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    slipway = argparse.ArgumentParser("slipway", description="Launch services and keep them up to date.")
    commands = slipway.add_subparsers(dest="command", required=True, metavar="COMMAND")

    launch = commands.add_parser("new", help="launch a service", description="Launch a service.")
    launch.add_argument("folder", type=Path, metavar="DIR", help="the folder to create")

    about = "Add the files that an existing service lacks, and change none that it has."
    take = commands.add_parser(
        "adopt", help="bring an existing service under the template", description=about
    )
    take.add_argument("folder", type=Path, metavar="DIR", help="the service, without uncommitted changes")
    for command in (launch, take):
        command.add_argument("--defaults", action="store_true", help="accept all defaults and ask nothing")

    about = "Show a service's version, the changes since, and which of the template's files you have edited."
    told = commands.add_parser(
        "status", help="show which services are behind, and what was edited", description=about
    )

    about = "Update services, each on a new branch, and commit every update without conflicts."
    bring = commands.add_parser("update", help="update to the template's newest version", description=about)
    bring.add_argument("--preview", action="store_true", help="show what would change, and write nothing")
    bring.add_argument("--abort", action="store_true", help="undo an update that is not committed")
    bring.add_argument("--no-check", action="store_true", help="do not run the services' own checks")
    bring.add_argument(
        "--jobs", type=int, default=os.cpu_count(), help="how many to update at once (%(default)s)"
    )

    for command in (told, bring):
        command.add_argument(
            "folders",
            type=Path,
            nargs="*",
            default=[Path()],
            metavar="DIR",
            help="a service; by default this folder",
        )
    for command in (launch, take, bring):
        command.add_argument(
            "-d",
            "--data",
            type=answer,
            action="append",
            default=[],
            metavar="QUESTION=ANSWER",
            help="answer a question in advance",
        )
        command.add_argument("--version", help="a tag of the template; by default the newest release")
    return slipway


def run(given: argparse.Namespace) -> int:
    """Run the command, and return its exit status. Raises UserMessageError."""
    if given.command in ("new", "adopt"):
        start = new if given.command == "new" else adopt
        start(given.folder, dict(given.data), defaults=given.defaults, version=given.version)
        return 0
    if given.command == "status":
        return status(given.folders)
    if given.abort:
        for folder in given.folders:
            abort(folder)
        return 0
    return update_all(
        given.folders,
        dict(given.data),
        given.version,
        check=not given.no_check,
        jobs=given.jobs,
        dry=given.preview,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command, and return its exit status."""
    given = parser().parse_args(arguments)
    try:
        return run(given)
    except UserMessageError as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        say("Stopped.")
        return STOPPED
