"""The repository's own documents and CI: the names in them exist, and their commands work."""

import ast
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from extensions import context, options
from tests.platforms import tools
from tests.platforms.test_ci import USES
from tests.support import variants
from tests.support.template import ROOT

PAPERS = ("README.md", "CONTRIBUTING.md", "SECURITY.md")
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
EMITTED = ROOT / "template" / "{{ '.github' if github else '' }}" / "workflows"
TOOLS = {
    "schema": tools.schema("github-workflows"),
    "actionlint": tools.command("actionlint"),
    "zizmor": tools.command("zizmor", "--offline"),
}


def sessions() -> set[str]:
    """Return the sessions of noxfile.py."""
    functions = (
        node
        for node in ast.parse((ROOT / "noxfile.py").read_text()).body
        if isinstance(node, ast.FunctionDef)
    )
    return {
        node.name
        for node in functions
        if any(ast.unparse(each).startswith("nox.session") for each in node.decorator_list)
    }


def test_every_session_that_is_named_exists() -> None:
    named = {
        name
        for file in (*(ROOT / paper for paper in PAPERS), *WORKFLOWS, ROOT / ".ci" / "run")
        for name in re.findall(r"\bnox -s (\S+?)\b", file.read_text())
    }
    assert {"tests", "lint", "pins", "release", "newest", "smoke"} <= named <= sessions()


@pytest.mark.parametrize("paper", ["CONTRIBUTING.md", "SECURITY.md"])
def test_every_file_that_is_named_exists(paper: str) -> None:
    spans = re.findall(r"`([^`\n]+)`", (ROOT / paper).read_text())
    files = [it for it in spans if re.fullmatch(r"[\w.{} /-]*(/|\.(py|md|yml|toml|json|jinja))", it)]
    missing = [it for it in files if not any((ROOT / where / it).exists() for where in ("", "pins"))]
    missing = [it for it in missing if not it.startswith("uvx ")]
    # These are a suffix and files of a service.
    assert not set(missing) - {".jinja", ".copier-answers.yml", "runtime/", "dev/"}
    assert len(files) > 3


def test_every_name_of_the_code_that_is_named_exists() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    modules = (context, options, variants)
    for name in ("OPTIONS", "ContextUpdater.hook", "GROUPS", "conflict", "NEEDS", "FILES", "BOOTED"):
        assert f"`{name}`" in text
        assert any(hasattr(module, name.partition(".")[0]) for module in modules), name


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
@pytest.mark.parametrize("tool", TOOLS)
def test_a_tool_of_others_finds_nothing(tool: str, workflow: Path) -> None:
    """tests/platforms/test_third_parties.py proves that each tool finds errors in generated files."""
    done = TOOLS[tool](workflow.relative_to(ROOT), ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("tool", [tools.schema("dependabot"), TOOLS["zizmor"]], ids=["schema", "zizmor"])
def test_dependabot_is_sound(tool: Callable[[Path, Path], subprocess.CompletedProcess[str]]) -> None:
    done = tool(Path(".github", "dependabot.yml"), ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_workflows_may_do_little() -> None:
    """They pin each action to the same commit as the generated ones, and only one job may write."""
    emitted = {
        line.strip()
        for path in EMITTED.iterdir()
        for line in path.read_text().splitlines()
        if USES.match(line)
    }
    writers = []
    for path in WORKFLOWS:
        workflow: dict[str, Any] = yaml.safe_load(path.read_text())
        assert workflow["permissions"] in ({}, {"contents": "read"})
        lines = [line.strip() for line in path.read_text().splitlines() if "uses:" in line]
        assert {line for line in lines if line.startswith("-")} <= emitted
        for name, job in workflow["jobs"].items():
            assert "timeout-minutes" in job or job["uses"].startswith("$/")
            writers += [name] if "write" in job.get("permissions", {}).values() else []
    assert writers == ["tag"]


def test_ci_runs_every_python_that_is_offered() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())
    assert workflow["jobs"]["tests"]["strategy"]["matrix"]["python"] == variants.choices()["python_version"]


def test_the_smoke_passes() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.smoke"], cwd=ROOT, capture_output=True, text=True, timeout=170
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ends with status 0" in done.stdout
