"""The variables of development: .env.example, which .env and then the shell override."""

import io
import os
import re
import sys
from pathlib import Path

from dotenv import dotenv_values
from dotenv.parser import parse_stream

ROOT = Path(__file__).parent.parent
ENV, EXAMPLE = ROOT / ".env", ROOT / ".env.example"

LITERAL = re.compile(r"[^=]*=\s*'")  # in single quotes, in which `docker compose` expands nothing


def environment() -> dict[str, str]:
    """Return the variables of the processes, with this virtual environment first on PATH."""
    variables = read(EXAMPLE) | read(ENV) | os.environ
    programs = str(Path(sys.executable).parent)
    return variables | {"PATH": os.pathsep.join([programs, variables.get("PATH", os.defpath)])}


def read(path: Path) -> dict[str, str]:
    """Return the variables in a file, or none if there is no file."""
    try:
        return parse(path.read_text("utf-8-sig")) if path.exists() else {}
    except ValueError as error:
        sys.exit(f"{path.name}{error}")


def parse(text: str) -> dict[str, str]:
    """Read the text of a `.env` file as `docker compose` does.

    There is one difference: `$NAME` without braces is not expanded.

    Raises:
        ValueError: a line is not an assignment; the message follows the name of the file.
    """
    lines = list(parse_stream(io.StringIO(text)))
    if wrong := next((line for line in lines if line.error), None):
        number = wrong.original.line + wrong.original.string[:-1].count("\n")
        raise ValueError(f", line {number}: this is not NAME=value, or a quote is not closed.")
    expanded = dotenv_values(stream=io.StringIO(text))
    values = {
        line.key: line.value if LITERAL.match(line.original.string) else expanded[line.key]
        for line in lines
        if line.key
    }
    return {name: value for name, value in values.items() if value is not None}


def assignment(name: str, value: str) -> str:
    """Return a line of `.env`, with quotes if the value needs them."""
    if re.fullmatch(r"[\w./:,@%+*-]*", value, re.ASCII):
        return f"{name}={value}\n"
    if not re.search(r"['\\\r\n]", value):
        return f"{name}='{value}'\n"  # nothing in it is special
    escaped = value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
    return f'{name}="{escaped}"\n'
