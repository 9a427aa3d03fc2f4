"""Read the migrations of Alembic: the name of each, the ones that it follows, and what it creates.

Alembic imports a migration to read it, but is not installed next to copier. So this module computes the
names from the migration's constants. If that is not enough, the service's own `.venv` runs the migration.
"""

import ast
import json
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# This program takes the paths of modules, and prints the two names of each.
RUN = """
import json, runpy, sys
read = [runpy.run_path(path) for path in sys.argv[1:]]
names = ("revision", "down_revision")
print("\\n" + json.dumps([[module.get(name) for name in names] for module in read]))
"""
SECONDS_TO_RUN = 60


class UnreadableError(Exception):
    """The names of a migration could not be determined. The text is one line for the user."""


@dataclass(frozen=True)
class Migration:
    """A file of the history. `creates` holds its tables with their columns, and the packages it imports."""

    path: str
    revision: str
    follows: tuple[str, ...]
    creates: frozenset[Any]


def migrations(paths: Iterable[str]) -> list[Migration]:
    """Read these files, and leave out files that are not migrations. Raises UnreadableError."""
    sources = {path: Path(path).read_bytes() for path in paths if not Path(path).name.startswith("__init__")}
    names: dict[str, tuple[Any, Any]] = {}
    for path, source in sources.items():
        try:
            module = constants(source)
        except SyntaxError as error:
            raise UnreadableError(f"{path}, line {error.lineno}, is not Python.") from None
        if isinstance(module.get("revision"), str) and "down_revision" in module:
            names[path] = module["revision"], module["down_revision"]
    if rest := [path for path in sources if path not in names]:
        names |= zip(rest, run(rest), strict=True)
    return [
        Migration(path, revision, as_tuple(follows), created(sources[path]))
        for path, (revision, follows) in sorted(names.items())
        if revision
    ]


def constants(source: bytes) -> dict[str, Any]:
    """Return a module's top-level names whose values can be computed without running it."""
    known: dict[str, Any] = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                if isinstance(target, ast.Name):
                    try:
                        known[target.id] = value(node.value, known)
                    except ValueError:
                        known.pop(target.id, None)
    return known


def value(node: ast.expr, known: dict[str, Any]) -> Any:
    """Return the value of an expression of constants, names, tuples and joined strings. Raises ValueError."""
    match node:
        case ast.Constant():
            return node.value
        case ast.Name() if node.id in known:
            return known[node.id]
        case ast.Tuple() | ast.List() | ast.Set():
            return tuple(value(item, known) for item in node.elts)
        case ast.BinOp(op=ast.Add()):
            left, right = value(node.left, known), value(node.right, known)
            if isinstance(left, str) and isinstance(right, str):
                return left + right
        case ast.JoinedStr():
            return "".join(str(value(item, known)) for item in node.values)
        case ast.FormattedValue(format_spec=None, conversion=-1):
            return value(node.value, known)
    raise ValueError(ast.unparse(node))


def run(paths: list[str]) -> list[tuple[Any, Any]]:
    """Run modules in the service's own environment, and return their names. Raises UnreadableError."""
    problem = f"Reading {', '.join(paths)} requires an environment in .venv that can import it"
    python = next(filter(Path.exists, (Path(".venv/bin/python"), Path(".venv/Scripts/python.exe"))), None)
    if not python:
        raise UnreadableError(f"{problem}, and there is none.")
    try:
        command = [str(python), "-c", RUN, *paths]
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS_TO_RUN)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UnreadableError(f"{problem}: {error}") from None
    if done.returncode:
        raise UnreadableError(f"{problem}: {(done.stderr.strip().splitlines() or ['it failed'])[-1]}")
    return [(revision, follows) for revision, follows in json.loads(done.stdout.splitlines()[-1])]


def created(source: bytes) -> frozenset[Any]:
    """Return the tables that a migration creates, each with its columns, and the packages that it imports."""
    found: set[Any] = set(imported(source)) - {"alembic", "sqlalchemy"}
    for call in (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)):
        if called(call) == "create_table" and call.args:
            columns = [
                item for item in call.args[1:] if isinstance(item, ast.Call) and called(item) == "Column"
            ]
            names = frozenset(ast.unparse(column.args[0]) for column in columns if column.args)
            found.add((ast.unparse(call.args[0]), names))
    return frozenset(found)


def imported(source: bytes) -> set[str]:
    """Return the packages that a module imports, without the standard library."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            found.add(node.module.partition(".")[0])
    return found - sys.stdlib_module_names


def called(node: ast.Call) -> str:
    """Return the last part of the called name: `create_table` for `op.create_table(…)`."""
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def as_tuple(follows: Any) -> tuple[str, ...]:
    """Return the migrations that a migration follows, in whichever form it names them."""
    if isinstance(follows, list | tuple | set):
        return tuple(follows)
    return (follows,) if follows else ()
