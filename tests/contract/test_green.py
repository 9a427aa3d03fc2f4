"""C-29: the tests of the contract are green on a service as emitted, and as its team has it a year later.

tests/factors/test_01_codebase.py runs them with each framework too, with a database and without.
"""

from collections.abc import Callable

import pytest

from tests.support import variants
from tests.support.project import Project

from .conftest import Prove

VARIANTS: list[variants.Answers] = [
    {"framework": "fastapi", "database": "none", "queue": "dramatiq"},
    {"framework": "litestar", "database": "postgres", "queue": "procrastinate"},
    {"framework": "flask", "database": "postgres", "queue": "celery", "clock": True},
    {"framework": "django", "database": "postgres", "queue": "dramatiq"},
]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("answers", VARIANTS, ids=variants.label)
def test_it_is_green_as_emitted(
    answers: variants.Answers, emit: Callable[[variants.Answers], Project], prove: Prove
) -> None:
    done = prove(emit(answers))
    assert done.returncode == 0, done.stdout


ROUTES = '''"""What the service answers: ours."""

from fastapi import APIRouter, Request

from .jobs import bill

router = APIRouter()


@router.get("/report")
async def report() -> dict[str, str]:
    """Report."""
    return {"report": "nothing"}


@router.get("/{path:path}")
async def page(path: str, request: Request) -> dict[str, str]:
    """Answer every other path, as the page of a front end does."""
    return {"page": path, "task": bill.name}
'''
JOBS = '''"""The jobs: ours."""

from .runtime.queue import RETRY, app


@app.task(name="bill", retry=RETRY)
async def bill() -> None:
    """Bill."""
'''
MAILER = '''

def mailer(settings: "Settings") -> int:
    """send mails"""
    import structlog

    structlog.get_logger(__name__).info("mailing", hour=len(settings.api_key.get_secret_value()))
    ended = []
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_: ended.append(True))
    while not ended:
        signal.pause()
    return 0


PROCESSES = {
    "mailer": mailer,
'''


def grow(project: Project) -> None:
    """Do what a team does in a year: no example, a setting, routes, a job and a process of its own."""

    def edit(file: str, *pairs: tuple[str, str]) -> None:
        path = project.path / file
        text = path.read_text()
        for old, new in pairs:
            assert old in text, f"{file} has no {old!r}"
            text = text.replace(old, new)
        path.write_text(text)

    name = project.name
    (project.package / "notes.py").unlink()
    (project.path / "tests" / "test_notes.py").unlink()
    (project.package / "routes.py").write_text(ROUTES)
    (project.package / "jobs.py").write_text(JOBS)
    edit(
        f"{name}/app.py",
        ("from . import notes\n", ""),
        ("    app.include_router(notes.router)\n", ""),
    )
    edit(f"{name}/settings.py", ("import BeforeValidator, Field", "import BeforeValidator, Field, SecretStr"))
    project.append("settings.py", '    api_key: SecretStr\n    """The key of the shop."""\n')
    edit(f"{name}/__main__.py", ("\n\nPROCESSES = {\n", MAILER))
    with (project.path / ".env.example").open("a") as example:
        example.write("# The key of the shop.\nAPI_KEY=in-tests-and-nowhere-else\n")
    with (project.path / "Procfile").open("a") as procfile:
        procfile.write(f"mailer: python -m {name} mailer\n")
    edit("tests/contract/yours.py", ("PATHS: tuple[str, ...] = ()", 'PATHS = ("/report", "/about")'))


@pytest.mark.timeout(600)
def test_it_is_green_as_grown(emit: Callable[[variants.Answers], Project], prove: Prove) -> None:
    """It asks nothing of the example; a setting takes one line in .env.example."""
    project = emit({"queue": "procrastinate"})
    grow(project)
    done = prove(project)
    assert done.returncode == 0, done.stdout
    assert "[mailer] PASSED" in done.stdout
