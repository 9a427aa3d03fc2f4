"""The extension: templates get the right names and filters, and two versions of it never mix."""

import ast
import itertools
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from extensions import context, names, pins, text
from tests.support.git import commit_all
from tests.support.template import ROOT

LINES = st.text(max_size=20).filter(lambda line: not names.text_problem(line, longest=20))


@given(LINES)
def test_quoted_text_reads_alike_in_every_format(line: str) -> None:
    written = text.quoted(line)
    assert json.loads(written) == line
    assert yaml.safe_load(written) == line
    assert tomllib.loads(f"x = {written}") == {"x": line}
    assert ast.literal_eval(written) == line


def test_python_strings_are_as_ruff_formats_them(tmp_path: Path) -> None:
    lines = ["".join(parts) for parts in itertools.product("'\"\\{é", repeat=4)]
    module = tmp_path / "strings.py"
    module.write_text("".join(f"x = {text.python_string(line)}\n" for line in lines), "utf-8")
    (version,) = pins.PINS["packages"]["ruff"]  # the version that a generated project has
    ruff = ["uvx", f"ruff@{version}", "format", "--check", "--isolated", str(module)]
    subprocess.run(ruff, check=True)
    assignments = ast.parse(module.read_text("utf-8")).body
    values = [ast.literal_eval(node.value) for node in assignments if isinstance(node, ast.Assign)]
    assert values == lines


def test_every_option_has_a_boolean_and_known_groups() -> None:
    assert set(context.OPTIONS) <= context.QUESTIONS.keys()
    choices = (choice for question in context.OPTIONS for choice in context.choices(question))
    offered = [choice for choice in choices if choice != "none"]
    assert len(set(offered)) == len(offered)
    assert all(choice.isidentifier() and choice not in context.QUESTIONS for choice in offered)
    brought = {
        "redis",
        "sqlalchemy",
        "sqlalchemy-asyncio",
        "sqlalchemy-pool",
    }  # the groups that the queues and Postgres add
    assert set(context.GROUPS) <= {*offered, *names.YES_OR_NO, *brought}


def test_every_question_is_checked_one_way_or_another() -> None:
    for question in context.QUESTIONS:
        assert context.choices(question) or question in (*names.CHECKS, *names.YES_OR_NO), question


def tiny_template(folder: Path, form: str) -> None:
    """Make a template with the real extension. Its only file shows which `pins.py` rendered it."""
    (folder / "template").mkdir(parents=True)
    settings = yaml.safe_load((ROOT / "copier.yml").read_text("utf-8"))
    kept = {key: value for key, value in settings.items() if key not in ("_tasks", "_migrations")}
    (folder / "copier.yml").write_text(yaml.safe_dump(kept, sort_keys=False), "utf-8")
    (folder / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    (folder / "pins").mkdir()
    (folder / "pins" / "pins.json").write_bytes((ROOT / "pins" / "pins.json").read_bytes())
    (folder / "extensions").mkdir()
    for module in (ROOT / "extensions").glob("*.py"):
        source = module.read_text("utf-8")
        (folder / "extensions" / module.name).write_text(
            naive(source) if form == "naive" else source, "utf-8"
        )
    for name in ("out.txt", "{{ _copier_conf.answers_file }}"):
        shown = "{{ requires_python }}" if name == "out.txt" else "{{ stored_answers() | to_nice_yaml }}"
        (folder / "template" / f"{name}.jinja").write_text(shown)
    (folder / "template" / "{{ package }}").mkdir()
    (folder / "template" / "{{ package }}" / "__init__.py").touch()


def naive(source: str) -> str:
    """Return the extension in its naive form, which imports the other modules by their plain names."""
    source = re.sub(
        r"if __name__.startswith.*?\n\n",
        "sys.path.insert(0, str(Path(__file__).parent))\n\n",
        source,
        flags=re.S,
    )
    return re.sub(r"^from \.(\w+) import", r"from \1 import", source, flags=re.M).replace(
        "from . import", "import"
    )


@pytest.mark.parametrize(("form", "rendered"), [("ours", "the new one"), ("naive", ">=3.12")])
def test_an_update_never_mixes_two_versions_of_the_extension(
    form: str, rendered: str, tmp_path: Path
) -> None:
    """copier loads both versions into one process. With the naive form, Python gives the new entry file the
    old helper module from `sys.modules`, and the update silently changes nothing."""
    template, project = tmp_path / "template", tmp_path / "project"
    tiny_template(template, form)
    commit_all(template, "One", tag="1.0.0")
    copier("copy", str(template), str(project))
    commit_all(project, "Launch")
    assert (project / "out.txt").read_text() == ">=3.12"

    helper = template / "extensions" / "pins.py"
    helper.write_text(helper.read_text("utf-8") + '\nREQUIRES_PYTHON = "the new one"\n', "utf-8")
    commit_all(template, "Two", tag="2.0.0")
    copier("update", str(project))
    assert (project / "out.txt").read_text() == rendered


def copier(command: str, *arguments: str) -> None:
    """Run copier as a user does, in a separate process."""
    subprocess.run(
        [sys.executable, "-m", "copier", command, "--trust", "--defaults", "--quiet", *arguments], check=True
    )


def test_imports_stand_at_the_top() -> None:
    """An import inside a function could run while the other version of the module is loaded."""
    for module in (ROOT / "extensions").glob("*.py"):
        tree = ast.parse(module.read_text("utf-8"))
        inner = [
            node
            for function in ast.walk(tree)
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            for node in ast.walk(function)
            if isinstance(node, ast.Import | ast.ImportFrom)
        ]
        assert inner == [], module
