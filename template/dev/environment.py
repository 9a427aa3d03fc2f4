"""The variables of development: .env.example, overridden by `.env`, overridden by the shell's."""

import os
import sys
from pathlib import Path

from honcho.environ import parse  # type: ignore[import-untyped]

ROOT = Path(__file__).parent.parent
ENV, EXAMPLE = ROOT / ".env", ROOT / ".env.example"


def environment() -> dict[str, str]:
    """What the processes get, with the programs of this very environment first on PATH."""
    variables = read(EXAMPLE) | read(ENV) | os.environ
    programs = str(Path(sys.executable).parent)
    return variables | {"PATH": os.pathsep.join([programs, variables.get("PATH", os.defpath)])}


def read(path: Path) -> dict[str, str]:
    """The variables in a file, or none where there is no file."""
    variables: dict[str, str] = {}
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    for number, line in enumerate(lines, 1):
        try:
            variables |= parse(line)
        except ValueError as error:
            sys.exit(f"{path.name}, line {number}: {error}.")
    return variables
