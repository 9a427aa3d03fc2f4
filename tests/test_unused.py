"""No generated code is unused, and the diagram of the imports is current."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import imports
from tests.conftest import Render
from tests.support import variants
from tests.support.project import Project

LARGEST = [
    {"framework": "fastapi", "database": "postgres", "queue": "procrastinate", "clock": False},
    {"framework": "fastapi", "database": "none", "queue": "celery", "clock": True},
    {"framework": "litestar", "database": "postgres", "queue": "celery", "clock": True},
    {"framework": "flask", "database": "postgres", "queue": "dramatiq", "clock": True},
    {"framework": "django", "database": "postgres", "queue": "procrastinate", "clock": False},
    {"framework": "django", "database": "postgres", "queue": "dramatiq", "clock": True},
]
# Names that a library calls or reads, and names that the shell offers to its user.
HOOKS = re.compile(
    r"__\w+__|(after|before)_\w+|broadcast|emit|on_(unknown|invalid)_task|_save|process_(request|response|exception)|"
    r"on_app_init|receive_route|get_connection|get_sync_connector|migration_progress_callback|settings_customise_sources|"
    r"\w+Config|Meta|drop|retry"
)


def definitions(path: Path) -> Iterator[tuple[str, bool]]:
    """Yield each function, class and constant of a module, and whether a decorator may register it."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                decorators = {ast.unparse(each) for each in node.decorator_list}
                yield node.name, bool(decorators - {"property", "classmethod", "staticmethod"})
            case ast.ClassDef():
                yield node.name, bool(node.decorator_list)
            case ast.Module(body=body):
                for statement in body:
                    match statement:
                        case (
                            ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name))
                        ):
                            yield name, False


def unused(project: Project) -> list[str]:
    """Return the names that the package or dev/ defines and that occur nowhere else in the project."""
    texts = {
        path: path.read_text("utf-8")
        for path in project.path.rglob("*")
        if path.suffix in (".py", ".toml", ".md", ".html", ".mako")
    }
    words: Counter[str] = Counter()
    for text in texts.values():
        words.update(re.findall(r"\w+", text))
    return [
        f"{path.relative_to(project.path)}: {name}"
        for path in texts
        if path.suffix == ".py" and "migrations" not in path.parts and "tests" not in path.parts
        for name, is_registered in definitions(path)
        if words[name] == 1 and not is_registered and not HOOKS.fullmatch(name)
        if path.name != "django_settings.py"
    ]


@pytest.mark.parametrize("answers", LARGEST, ids=variants.label)
def test_nothing_is_unused(render: Render, answers: variants.Answers) -> None:
    project = Project(render(answers, skip_tasks=True))
    assert unused(project) == []


def test_the_picture_of_the_imports_is_current(render: Render) -> None:
    """`python -m tests.imports` draws it. No arrow leads from runtime/ to the user's modules."""
    package = Project(render(imports.ANSWERS, skip_tasks=True)).package
    assert imports.PICTURE.read_text("utf-8") == imports.draw(package)
    assert not [
        (name, target)
        for name, target in imports.imports(package)
        if name.startswith("runtime.") and not target.startswith("runtime")
    ]
