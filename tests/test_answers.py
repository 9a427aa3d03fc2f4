"""Answers: each is either refused in one line, or results in a sound service that contains it."""

import ast
import json
import subprocess
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from copier.errors import UserMessageError
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from extensions import names, pins
from tests.support.project import render

# Characters that break formats, templates, shells and terminals.
PIECES = [
    *(
        '"',
        "'",
        "\\",
        "`",
        "$(x)",
        "{{ x }}",
        "{% x %}",
        "{#",
        "#",
        ":",
        "- ",
        "&a",
        "*a",
        "!x",
        "%",
        "|",
        "<b>",
    ),
    *(
        "\n",
        "\r",
        "\t",
        "\x00",
        "\x7f",
        "\u2028",
        "\ud800",
        "\ufeff",
        "\u202e",
        "]]>",
        "../",
        "..\\",
        "~",
        " ",
    ),
    *("é", "👩‍💻", "שלום", "注文", "null", "true", "1e3", "0x1", "3.10", "yes", "''", '"""', "Order"),
]
TEXT = st.one_of(st.lists(st.sampled_from(PIECES), max_size=6).map("".join), st.text(max_size=30))
TYPED = TEXT.map(str.strip).filter(lambda text: not names.text_problem(text, longest=60))
# Mostly sets in which every answer is valid, because one refused answer would hide the effect of the others.
ANSWERS = st.one_of(
    st.fixed_dictionaries(
        {"project_name": TYPED.filter(lambda text: not names.name_problem(text)), "description": TYPED},
        optional={
            "user_name": TYPED,
            "user_email": st.sampled_from(["", "a@b", "ünï'{{@例え.example"]),
            "project_slug": st.text().map(names.default_slug),
            "package": st.text().map(names.default_slug).map(names.default_package),
            "license": st.sampled_from(["none", "MIT", "Apache-2.0"]),
            "package_manager": st.sampled_from(["uv", "pip"]),
        },
    ),
    st.dictionaries(st.sampled_from(list(names.CHECKS)), TEXT, min_size=1),
)


@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(ANSWERS)
@example({"project_name": """It's "quoted" \\ {{ x }} {% y %}"""})
@example({"project_name": "👩‍💻 שלום عليكم"})
@example({"project_name": "x" * 300})
@example({"project_name": "two\nlines"})
@example({"project_name": "../../etc/passwd"})
@example({"project_name": "注" * 30, "description": "W" * names.LONGEST_SENTENCE})
@example({"project_slug": "a" * names.LONGEST_SLUG, "package": "a" * names.LONGEST_SLUG})
@example({"project_slug": "z", "package": "z"})
@example({"project_name": "x", "description": "", "user_name": "", "user_email": "", "license": "MIT"})
def test_every_answer_is_refused_or_whole(template: Path, answers: Mapping[str, str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder, "project")
        if refusal := refused(template, project, answers):
            assert len(refusal.splitlines()) == 1
            assert refusal.partition(" ")[0] in answers
            assert not project.exists()
        else:
            check_whole(project, answers)


def refused(template: Path, project: Path, answers: Mapping[str, str]) -> str:
    """Render the answers, and return the message with which copier refuses them."""
    try:
        render(template, project, answers, skip_tasks=True)
    except UserMessageError as error:
        return error.message
    return ""


def check_whole(project: Path, answers: Mapping[str, str]) -> None:
    """Parse all files with independent parsers, and find the answers in them."""
    stored = yaml.safe_load((project / ".copier-answers.yml").read_text("utf-8"))
    assert {key: stored[key] for key in answers} == answers

    manifest = tomllib.loads((project / "pyproject.toml").read_text("utf-8"))["project"]
    assert manifest["name"] == stored["project_slug"]
    assert manifest.get("description", "") == stored["description"]
    person = {"name": stored["user_name"], "email": stored["user_email"]}
    written = {key: value for key, value in person.items() if value}
    assert manifest.get("authors", []) == ([written] if written else [])

    constants = set()
    for file in (path for path in project.rglob("*") if path.is_file()):
        text = file.read_text("utf-8")
        assert text.endswith("\n") or not text, file
        if file.suffix == ".py":
            tree = ast.parse(text)
            constants |= {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
        elif file.suffix in (".toml", ".lock"):
            tomllib.loads(text)
        elif file.suffix in (".yml", ".yaml"):
            yaml.safe_load(text)
        elif file.suffix == ".json":
            json.loads(text)
    assert {stored["project_name"], stored["project_slug"]} <= constants
    assert (project / stored["package"] / "__main__.py").is_file()
    check_style(project)


def check_style(project: Path) -> None:
    """Assert that no name is so long, short or unusual that the formatter would change the code."""
    (version,) = pins.PINS["packages"]["ruff"]
    for command in (["format", "--check"], ["check"]):
        done = subprocess.run(
            ["uvx", f"ruff@{version}", *command, "--no-cache"], cwd=project, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("answer", ["3.10", "1e3", "null", "true", "0x10", "- a", "{a: b}", "2026-01-01"])
def test_text_that_looks_like_yaml_stays_text(answer: str, template: Path, tmp_path: Path) -> None:
    render(template, tmp_path / "project", {"project_name": answer}, skip_tasks=True)
    stored = yaml.safe_load((tmp_path / "project" / ".copier-answers.yml").read_text("utf-8"))
    assert stored["project_name"] == answer
