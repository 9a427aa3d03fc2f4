"""C-25, C-29: a service's own tests pass when it is new, and after a year of its team's work.

tests/factors/test_01_codebase.py runs them without a queue, both with and without a database.
"""

import socketserver
import threading
from collections.abc import Callable, Iterator

import pytest

from tests.support import variants
from tests.support.postgres import Server
from tests.support.project import Project

from .conftest import Prove

VARIANTS = [
    pytest.param(
        {"framework": "litestar", "database": "postgres", "queue": "procrastinate"},
        marks=pytest.mark.variants,
    ),
    {"framework": "flask", "database": "postgres", "queue": "dramatiq", "clock": True},
    {"framework": "django", "database": "postgres", "queue": "celery"},
]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("answers", VARIANTS, ids=variants.label)
def test_it_is_green_as_emitted(
    answers: variants.Answers, emit: Callable[[variants.Answers], Project], prove: Prove
) -> None:
    done = prove(emit(answers), "..")  # all of tests/, with tests/contract/
    assert done.returncode == 0, done.stdout


def test_it_is_green_where_clients_are_late(
    emit: Callable[[variants.Answers], Project], prove: Prove
) -> None:
    """On a busy machine, some clients have not sent anything at the end. They leave no connection open."""
    project = emit({"database": "none"})
    router = project.path / "tests" / "contract" / "router.py"
    text = router.read_text()
    for old, new in (("CLIENTS = 6\n", "CLIENTS = 30\n"), ("PAUSE_SECONDS = 0.04 ", "PAUSE_SECONDS = 1.5 ")):
        assert old in text
        text = text.replace(old, new)
    router.write_text(text)
    done = prove(project, "test_drain.py::test_nothing_is_lost[root]")
    assert done.returncode == 0, done.stdout


DJANGOS = """
MIDDLEWARE += ["django.contrib.auth.middleware.LoginRequiredMiddleware"]
MIDDLEWARE.insert(0, "django.middleware.gzip.GZipMiddleware")
LOGIN_URL = "admin:login"
"""


def test_it_is_green_with_middleware_of_django(
    emit: Callable[[variants.Answers], Project], prove: Prove
) -> None:
    """The routes of the contract need no login, and a test reads a response that is compressed."""
    project = emit({"framework": "django", "database": "postgres", "queue": "none"})
    project.append("django_settings.py", DJANGOS)
    done = prove(project, "../test_django.py", "test_http.py")
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

from sqlalchemy import text

from .runtime.jobs_queue import RETRY, app
from .services import Services


@app.task(name="bill", retry=RETRY)
async def bill() -> int:
    """Say how many bills the other database has."""
    async with Services.current().reports.transaction() as session:
        return int(await session.scalar(text("SELECT count(*) FROM pg_class WHERE relname = 'bills'")))
'''
MAIL = '''"""The mail server: ours."""

import asyncio

from .runtime.services import Service


class Mail(Service):
    """A connection that is opened with the process, and closed with it."""

    def __init__(self, port: int) -> None:
        self.port = port

    async def open(self) -> None:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        await self.reader.readline()

    async def ping(self) -> None:
        self.writer.write(b"NOOP\\r\\n")
        if not (await self.reader.readline()).startswith(b"250"):
            raise ConnectionError

    async def close(self) -> None:
        self.writer.write(b"QUIT\\r\\n")
        self.writer.close()
'''
MAILER = '''

def mailer(settings: "Settings") -> int:
    """send mails"""
    import signal

    import structlog

    structlog.get_logger(__name__).info("mailing", hour=len(settings.api_key.get_secret_value()))
    ended = []
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_: ended.append(True))
    while not ended:
        signal.pause()
    return 0


PROCESS_TYPES = {
    "mailer": mailer,
'''
TESTS = '''"""Ours."""

import httpx
import pytest

from order_desk.jobs import bill
from order_desk.services import Services

pytestmark = pytest.mark.anyio


async def test_the_job(services: Services) -> None:
    assert await bill() == 0


async def test_a_browser_sees_what_is_refused(client: httpx.AsyncClient) -> None:
    headers = {"Origin": "https://shop.example"}
    refused = await client.post("/report", content=b"x" * 2_000_000, headers=headers)
    assert refused.status_code == 413
    assert refused.headers["access-control-allow-origin"] == "https://shop.example"
    assert (await client.get("/readyz")).json() == {"status": "ok"}
'''


def grow(project: Project, reports: str, mail: int) -> None:
    """Make the changes that a team makes in a year, each in one or two of its own files, none in runtime/.

    Remove the example. Add a setting, routes, a job, a process type, a second Postgres, a mail server and
    CORS, and tests for them.
    """

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
    (project.path / "tests" / "test_jobs.py").unlink()
    (project.path / "tests" / "test_routes.py").unlink()
    (project.package / "routes.py").write_text(ROUTES)
    (project.package / "jobs.py").write_text(JOBS)
    (project.package / "mail.py").write_text(MAIL)
    (project.path / "tests" / "test_ours.py").write_text(TESTS)
    edit(
        f"{name}/app.py",
        ("from . import notes\n", ""),
        ("    app.include_router(notes.router)\n", ""),
    )
    edit(f"{name}/settings.py", ("import Field\n", "import Field, SecretStr\n"))
    project.append(
        "settings.py",
        '    api_key: SecretStr\n    """The key of the shop."""\n'
        '    reports_database_url: PostgresUrl\n    """Where the reports are."""\n'
        '    smtp_port: int\n    """Where the mail server listens."""\n',
    )
    edit(
        f"{name}/services.py",
        ("from .runtime import jobs_queue\n", "from .mail import Mail\nfrom .runtime import jobs_queue\n"),
    )
    project.append(
        "services.py",
        "        self.reports = Postgres(\n"
        "            settings.reports_database_url, pool_size=2, statement_timeout_seconds=60\n"
        "        )\n"
        "        self.mail = Mail(settings.smtp_port)\n",
    )
    edit(
        f"{name}/middleware.py",
        (
            "from functools import partial\n",
            "from functools import partial\n\nfrom starlette.middleware.cors import CORSMiddleware\n",
        ),
        (
            "        partial(http.Problems, services=services),\n",
            '        partial(CORSMiddleware, allow_origins=["https://shop.example"]),\n'
            "        partial(http.Problems, services=services),\n",
        ),
    )
    edit(f"{name}/__main__.py", ("\n\nPROCESS_TYPES = {\n", MAILER))
    with (project.path / ".env.example").open("a") as example:
        example.write(
            "# The key of the shop.\nAPI_KEY=in-tests-and-nowhere-else\n"
            f"# Where the reports are.\nREPORTS_DATABASE_URL={reports}\n"
            f"# Where the mail server listens.\nSMTP_PORT={mail}\n"
        )
    edit(
        "README.md",
        (
            "\n<!-- Your own settings go above",
            "| `API_KEY` | required | The key of the shop. |\n"
            "| `REPORTS_DATABASE_URL` | required | Where the reports are. |\n"
            "| `SMTP_PORT` | required | Where the mail server listens. |\n"
            "\n<!-- Your own settings go above",
        ),
    )
    with (project.path / "Procfile").open("a") as procfile:
        procfile.write(f"mailer: python -m {name} mailer\n")
    edit("tests/contract/yours.py", ("PATHS: tuple[str, ...] = ()", 'PATHS = ("/report", "/about")'))


class MailServer(socketserver.StreamRequestHandler):
    """Enough of SMTP for a persistent connection."""

    def handle(self) -> None:
        self.wfile.write(b"220 here\r\n")
        while self.rfile.readline():
            self.wfile.write(b"250 OK\r\n")


@pytest.fixture
def mail_server() -> Iterator[int]:
    """Run a mail server, and yield its port."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), MailServer) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@pytest.mark.timeout(600)
def test_it_is_green_as_grown(
    emit: Callable[[variants.Answers], Project], prove: Prove, postgres: Server, mail_server: int
) -> None:
    """The tests need nothing from the example, and a setting needs only a line in .env.example."""
    project = emit({"queue": "procrastinate", "platforms": []})
    runtime = {path: path.read_text() for path in (project.package / "runtime").glob("*.py")}
    grow(project, postgres.url(postgres.create()), mail_server)
    done = prove(project, "..")  # including the team's own tests
    assert done.returncode == 0, done.stdout
    assert "[mailer] PASSED" in done.stdout
    assert "test_ours.py" in done.stdout
    assert all(path.read_text() == text for path, text in runtime.items())
