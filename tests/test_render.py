"""Every valid combination of answers renders, and the result is sound before any of it runs."""

import ast
import itertools
import json
import re
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePath

import pytest
import yaml

from extensions.context import ON_WSGI
from extensions.options import ON_REDIS
from tests.conftest import Render
from tests.size import measure
from tests.support import variants
from tests.support.project import LOCKS, Project, union

# For the user's code and for runtime/, without blank lines: decisions 45, 47, 52, 54, 63, 84 and 85
MOST_LINES = {
    "web": (175, 2270),
    "fastapi": (0, 145),
    "litestar": (25, 145),
    "django": (120, 65),
    "wsgi": (20, 340),
    "database": (110, 640),
    "queue": (50, 245),
    "redis": (20, 285),
    "procrastinate": (0, 100),
    "celery": (0, 335),
    "clock": (25, 180),
    "opentelemetry": (0, 385),
    "sentry": (0, 125),
    "prometheus": (0, 285),
}
PARSERS: dict[str, Callable[[str], object]] = {
    ".py": ast.parse,
    ".toml": tomllib.loads,
    ".json": json.loads,
    ".yml": lambda text: list(yaml.safe_load_all(text)),
    ".yaml": lambda text: list(yaml.safe_load_all(text)),
}
# The modules that Django finds by their names.
FOUND_BY_DJANGO = ("admin", "apps", "django_settings")
FORMATTING = ("ruff format --check --no-cache", "ruff check --no-cache")
# Names that Windows refuses: some characters, and the names of its devices (with any suffix).
NOT_ON_WINDOWS = re.compile(r'[<>:"\\|?*\x00-\x1f]|[. ]$|^(con|prn|aux|nul|com\d|lpt\d)(\.|$)', re.IGNORECASE)
# Text that remains if Jinja did not run, or met an undefined name. GitHub's own `${{ }}` is not Jinja.
JINJA = re.compile(r"(?<!\$)\{\{|\{%|%\}|\{#|\bUndefined\b")


@pytest.fixture(scope="module", params=variants.combinations(), ids=variants.label)
def emitted(request: pytest.FixtureRequest, render: Render) -> Path:
    """Return each rendered combination of answers. Tasks do not run, because they have their own tests."""
    return render(request.param, skip_tasks=True)


def files(project: Path) -> Iterator[tuple[Path, str]]:
    """Yield each generated file with its text."""
    for path in sorted(project.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path, path.read_text("utf-8")


def test_every_file_parses(emitted: Path) -> None:
    for path, text in files(emitted):
        if parse := PARSERS.get(path.suffix):  # uv parses uv.lock, see test_pins.py
            parse(text)


def test_no_jinja_is_left(emitted: Path) -> None:
    for path, text in files(emitted):
        assert not JINJA.search(text), path
        assert not JINJA.search(str(path.relative_to(emitted))), path
        assert path.suffix != ".jinja"


def test_every_file_ends_as_it_should(emitted: Path) -> None:
    """Files end with one \\n, and have no \\r, no trailing blanks, and two empty lines only in Python."""
    for path, text in files(emitted):
        assert "\r" not in text, path
        assert not re.search(r"[ \t]$", text, re.MULTILINE), path
        assert not text or re.search(r"[^\n]\n\Z", text), path
        if path.name != "LICENSE":  # its text is given
            assert not text.startswith("\n"), path
            outside_python = re.sub(r"^```python\n.*?^```$", "python", text, flags=re.DOTALL | re.MULTILINE)
            assert path.suffix in {".py", ".mako"} or path.name in LOCKS or "\n\n\n" not in outside_python, (
                path
            )


def test_names_are_legal_on_windows(emitted: Path) -> None:
    names = [path.relative_to(emitted) for path in emitted.rglob("*")]
    assert not [name for name in names if any(NOT_ON_WINDOWS.search(part) for part in name.parts)]
    assert len({str(name).lower() for name in names}) == len(names)


def complaints(project: Path, environment: Path, *checks: str) -> str:
    """Run checks in a project, and return the output of those that fail."""
    found = ""
    for check in checks:
        [tool, *arguments] = check.split()
        done = subprocess.run(
            [environment / "bin" / tool, *arguments],
            cwd=project,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            found += f"{check}\n{done.stdout}{done.stderr}\n"
    return found


def test_formatting_is_a_no_op(emitted: Path, shared: Path) -> None:
    """The test uses the ruff that the generated lock pins."""
    assert not complaints(emitted, union(shared), *FORMATTING)


def checked(framework: str, *, every: bool) -> Iterator[variants.Answers]:
    """Yield a framework's combinations whose own checks run, with alternating platforms and observability.

    The leading framework proves combinations without a clock. Unless `every` is set, each other one
    checks every second combination, because what queues and databases have is the same code.
    """
    turns = [itertools.cycle(variants.choices()[name]) for name in ("platforms", "observability")]
    rows = variants.with_clocks(framework=framework)
    if framework != variants.LEADING:
        rows = variants.richest(rows)[:: 1 if every else 2]
    for row in rows:
        platforms, observability = map(next, turns)
        yield {**row, "platforms": platforms, "observability": observability}


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("framework", variants.choices()["framework"])
def test_every_combination_passes_its_own_checks(
    framework: str, render: Render, shared: Path, request: pytest.FixtureRequest
) -> None:
    """C-25 for each database and queue, with and without a clock.

    The combinations share an environment, which has every library. The tests of factor I run the same checks
    with only the lock's packages.
    """
    checks = (*FORMATTING, "mypy .", "deptry .")
    found = ""
    for row in checked(framework, every=request.config.option.variants == "all"):
        project = render(row, skip_tasks=True)
        if failed := complaints(project, union(shared), *checks):
            found += f"{variants.label(row)}: {failed}"
    assert not found, found


def test_the_package_keeps_within_its_budget(emitted: Path) -> None:
    answers = Project(emitted).answers()
    budgets = {"web", answers["framework"]} | {
        name for name in ("database", "queue") if answers[name] != "none"
    }
    budgets |= {"wsgi"} if answers["framework"] in ON_WSGI else set()
    budgets |= {answers["queue"], *(["redis"] if answers["queue"] in ON_REDIS else [])}
    budgets |= {"clock"} if answers.get("clock") else set()
    budgets |= {*answers["observability"]}
    budgets &= MOST_LINES.keys()
    for kind, lines in enumerate(measure(Project(emitted).package)):
        most = sum(MOST_LINES[name][kind] for name in budgets)
        assert lines <= most, ("yours", "runtime")[kind]


def test_runtime_imports_nothing_of_the_users(emitted: Path) -> None:
    """`copier update` keeps runtime/ current, and does not touch the user's modules (decision 20)."""
    package = Project(emitted).package
    for path in (package / "runtime").rglob("*.py"):
        depth = len(path.relative_to(package).parts) - 1  # the number of dots that still lead into runtime/
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom):
                inside = node.level <= depth if node.level else not _is_of(node.module or "", package.name)
                assert inside, f"{path}:{node.lineno}"
            elif isinstance(node, ast.Import):
                assert not any(_is_of(name.name, package.name) for name in node.names), (
                    f"{path}:{node.lineno}"
                )


def _is_of(module: str, package: str) -> bool:
    return module.partition(".")[0] == package


def test_nothing_emitted_is_unused(emitted: Path) -> None:
    """Another module imports each module of the package and of `dev`, or it is an entry point."""
    package = Project(emitted).package
    for folder in (package, emitted / "dev"):
        sources = {path: path.read_text() for path in folder.rglob("*.py")}
        for path in sources:
            others = "\n".join(text for other, text in sources.items() if other != path)
            entry = path.stem in ("__init__", "__main__", *FOUND_BY_DJANGO) or "migrations" in path.parts
            named = (
                rf"\b(import|from)\b[^\n]*\b{path.stem}\b|"
                rf'"({folder.name}|{{__package__}})\.(runtime\.)?{path.stem}\.\w+"'
            )
            assert entry or re.search(named, others), path


def test_what_every_service_has(emitted: Path) -> None:
    for name in ("README.md", ".env.example", ".gitignore", ".gitattributes", ".python-version", "Procfile"):
        assert (emitted / name).is_file()


@pytest.mark.timeout(600)  # it renders combinations that no other test has rendered yet
def test_every_file_of_the_template_is_emitted_by_some_combination(template: Path, render: Render) -> None:
    """There is no dead layer, that is, no file that no answer renders."""
    full = (row for name in variants.choices()["framework"] for row in checked(name, every=False))
    emitted = {
        str(path.relative_to(project))
        for project in (render(answers, skip_tasks=True) for answers in (*variants.combinations(), *full))
        for path in project.rglob("*")
    }
    for source in (template / "template").rglob("*"):
        if source.is_file():
            name = PurePath(source.name.removesuffix(".jinja"))
            literal = re.sub(r"\{\{.*?\}\}|\{%.*?%\}", "", str(name))
            assert not literal or any(PurePath(path).name == literal for path in emitted), source


def test_names_in_the_template_are_legal_on_windows(template: Path) -> None:
    """Windows users check out the template too."""
    names = [path.relative_to(template) for path in (template / "template").rglob("*")]
    assert not [name for name in names if any(NOT_ON_WINDOWS.search(part) for part in name.parts)]


def test_rendering_twice_gives_the_same(render: Render) -> None:
    """The result does not depend on time or chance. Only the folder's name differs."""
    one, other = (render({}, skip_tasks=True), render({"framework": "fastapi"}, skip_tasks=True))
    assert one != other
    assert {path.relative_to(one): text for path, text in files(one)} == {
        path.relative_to(other): text for path, text in files(other)
    }
