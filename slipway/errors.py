"""Turn errors into one line. For about half of them, copier would print a traceback."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml
from copier.errors import CopierError, UserMessageError
from plumbum import CommandNotFound, ProcessExecutionError


@contextmanager
def one_line(about: str) -> Iterator[None]:
    """Turn what copier raises into UserMessageError; `about` is the template's address."""
    try:
        yield
    except UserMessageError as error:
        raise UserMessageError(" ".join(str(error).split())) from None
    except ProcessExecutionError as error:
        raise UserMessageError(f"{about} cannot be read: {reason(str(error.stderr))}") from None
    except CommandNotFound as error:
        raise UserMessageError(f"{error.program} was not found. Slipway needs it.") from None
    except (CopierError, OSError, ValueError) as error:
        line = " ".join(str(error).split())
        if line.startswith("Unknown revision"):
            line = f"{about} has no version {line.partition(': ')[2]}."
        raise UserMessageError(line) from None


def reason(stderr: str) -> str:
    """Return the line in which git gives the reason."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    fatal = [line.removeprefix("fatal: ") for line in lines if line.startswith("fatal: ")]
    return (fatal or lines or ["git gave no reason"])[0]


def answers(path: Path) -> dict[str, object]:
    """Read the answers of a service. Raises UserMessageError if they name no template."""
    try:
        read = yaml.safe_load(path.read_text("utf-8"))
    except FileNotFoundError:
        raise UserMessageError(f"{path.parent} is not a Slipway service: it has no {path.name}.") from None
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise UserMessageError(f"{path} is not YAML: {line}{error.problem}.") from None
    except (OSError, ValueError) as error:
        raise UserMessageError(f"{path} cannot be read: {error}") from None
    if not isinstance(read, dict) or not {"_src_path", "_commit"} <= read.keys():
        raise UserMessageError(f"{path} names no template: it lacks _src_path or _commit.")
    return read


def say(line: str = "") -> None:
    """Write one line for the user to stderr. stdout is for output that another program may read."""
    print(line, file=sys.stderr, flush=True)
