"""The README of a service says how to remove the example, and the rest is sound (C-25)."""

import ast
import os
import re
import shlex
from pathlib import Path

import pytest

from tests.conftest import Render
from tests.support import postgres as postgres_server
from tests.support import redis as redis_server
from tests.support import variants
from tests.support.project import Project, union
from tests.support.selection import frameworks
from tests.test_recipes import run

ITEM = re.compile(r"^- in `(.*?)`: (.*)$", re.MULTILINE)
CODE = re.compile(r"`(.*?)`")
FORMATTING = (["ruff", "format", "--check"], ["ruff", "check"], ["deptry", "."])
LONG = (["mypy", "."], ["pytest", "--ignore", "tests/contract"])  # the contract tests do not need the example


def remove(path: Path, code: str) -> None:
    """Remove a function or a class by its name, or else the only occurrence of this code."""
    text = path.read_text()
    lines = text.splitlines(keepends=True)
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and node.name == code:
            first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
            del lines[first - 1 : node.end_lineno]
            path.write_text("".join(lines))
            return
    assert text.count(code) == 1, f"{path.name} has not one {code}"
    path.write_text(re.sub(rf"^ *{re.escape(code)}\n|{re.escape(code)}", "", text, flags=re.MULTILINE))


def rows(framework: str, *, every: bool) -> list[variants.Answers]:
    """Return combinations with an example: all, or one for every second queue, with turns of databases."""
    found = variants.richest(variants.with_clocks(framework=framework))
    found = [row for row in found if row["database"] != "none" or row["queue"] != "none"]
    turn = variants.choices()["framework"].index(framework)
    by_queue: dict[str, list[variants.Answers]] = {}
    for row in found:
        by_queue.setdefault(row["queue"], []).append(row)
    turns = [same[(turn + number) % len(same)] for number, same in enumerate(by_queue.values())]
    return found if every else turns[::2]


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("framework", frameworks(variants.LEADING))
def test_the_example_goes_in_one_step(
    framework: str,
    request: pytest.FixtureRequest,
    render: Render,
    shared: Path,
    postgres: postgres_server.Server,
    redis: redis_server.Server,
    tmp_path: Path,
) -> None:
    """The test follows the section literally. Afterwards, the service's own checks and tests pass.

    A run over pairs omits every second queue, and mypy and the tests for another one. `--variants all` runs
    everything for each.
    """
    every = request.config.option.variants == "all"
    for number, answers in enumerate(rows(framework, every=every)):
        project = Project(render(answers, skip_tasks=True)).copy(tmp_path / variants.label(answers))
        text = project.section("Remove the example")
        for name, what in ITEM.findall(text):
            for code in CODE.findall(what):
                remove(project.path / name, code)
        variables = {**project.secrets, "MYPY_CACHE_DIR": os.environ["MYPY_CACHE_DIR"]}
        if project.has_redis:
            variables["REDIS_URL"] = redis.url
        if project.has_database:
            variables["DATABASE_URL"] = postgres.url(postgres.create())
        [block] = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        *edits, check = (shlex.split(line.removeprefix("uv run ")) for line in block.splitlines())
        assert check == ["python", "-m", "dev", "check"]
        (_, *removed), *commands = edits
        for name in removed:
            (project.path / name).unlink()
        whole = number == variants.choices()["framework"].index(framework) % 2
        for command in (*commands, *([check] if every else [*FORMATTING, *(LONG if whole else [])])):
            run(project, union(shared), variables, *command)
