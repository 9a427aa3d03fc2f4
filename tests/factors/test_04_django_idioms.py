"""IV. Backing services: several databases, pytest-django and long commands, on one grown service (C-28)."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import starting
from tests.support import postgres as pg
from tests.support.client import Connection
from tests.support.django_idioms import ADDED, APPENDED, SETTINGS, UNBLOCKED
from tests.support.project import Project, run_uv
from tests.support.service import Service

pytestmark = pytest.mark.database

KEPT = ["precious"]


@dataclass
class Grown:
    """A service with two databases, each with one row."""

    project: Project
    python: Path
    variables: dict[str, str]
    default: pg.Database
    reports: pg.Database

    def begin(self, *arguments: str, **variables: str) -> "subprocess.Popen[str]":
        """Start Python with the variables of the service."""
        return subprocess.Popen(
            [self.python, *arguments],
            cwd=self.project.path,
            env={"PATH": str(self.python.parent), **self.variables, **variables},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *arguments: str, **variables: str) -> str:
        """Run it to its end, and return what it printed."""
        process = self.begin(*arguments, **variables)
        output, _ = process.communicate(timeout=120)
        assert process.returncode == 0, output
        return output

    def rows(self) -> tuple[list[Any], list[Any]]:
        """Return the texts in each of the two databases."""
        notes = self.default.execute("SELECT text FROM notes ORDER BY id")
        reports = self.reports.execute("SELECT text FROM reports ORDER BY id")
        return [row[0] for row in notes], [row[0] for row in reports]


@pytest.fixture(scope="module", params=SETTINGS)
def grown(
    request: pytest.FixtureRequest, pristine: Project, tmp_path_factory: pytest.TempPathFactory
) -> Grown:
    """Return the service; its second database is configured as the emitted one, or as Django shows it."""
    if pristine.answers()["framework"] != "django":
        pytest.skip("This is Django's.")
    project = pristine.copy(tmp_path_factory.mktemp("grown") / "project")
    project.append("django_settings.py", SETTINGS[request.param].format(package=project.name))
    for name, text in APPENDED.items():
        project.append(name, text)
    conftest = project.path / "tests" / "conftest.py"
    conftest.write_text(reduce(lambda text, edit: text.replace(*edit), UNBLOCKED, conftest.read_text()))
    for name, text in ADDED.items():
        file = project.path / name.format(package=project.name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text.format(package=project.name))

    server: pg.Server = request.getfixturevalue("postgres")
    default, reports = (pg.Database(server, server.create()) for _ in range(2))
    variables = {
        **request.getfixturevalue("attached"),
        "DATABASE_URL": default.url,
        "REPORTS_URL": reports.url,
    }
    development: Path = request.getfixturevalue("development")
    made = Grown(project, development / "bin" / "python", variables, default, reports)
    made.run("manage.py", "makemigrations", project.name)
    made.run("-m", project.name, "release")
    made.run("manage.py", "migrate", "--database", "reports")
    default.execute("INSERT INTO notes (text) VALUES ('precious')")
    reports.execute("INSERT INTO reports (text) VALUES ('precious')")
    return made


@pytest.fixture
def web(grown: Grown) -> Iterator[Service]:
    """Return its web process."""
    with starting(grown.project, grown.python.parent.parent, grown.variables) as start:
        yield start()


@pytest.fixture
def kept(grown: Grown) -> Iterator[None]:
    """Find the rows of the service afterwards as they were."""
    yield
    assert grown.rows() == (KEPT, KEPT)


def test_a_view_with_two_databases(grown: Grown, web: Service) -> None:
    """C-10: each row is in the database that the router names, and an error keeps none in either."""
    assert not grown.default.execute("SELECT FROM pg_tables WHERE tablename = 'reports'")
    assert not grown.reports.execute("SELECT FROM pg_tables WHERE tablename = 'notes'")
    for status in (404, 201):
        response, body = Connection(web.port).post(f"/report/{status}", None)
        assert response.status == status
    assert body == b"[2, 2]"
    assert grown.rows() == ([*KEPT, "noted"], [*KEPT, "reported"])
    grown.default.execute("DELETE FROM notes WHERE text = 'noted'")
    grown.reports.execute("DELETE FROM reports WHERE text = 'reported'")


@pytest.mark.usefixtures("kept")
def test_a_test_case_with_two_databases(grown: Grown) -> None:
    """C-28: both are the tests' own, and each process has its own."""
    assert "Ran 4 tests" in grown.run("manage.py", "test", "--parallel", "2", grown.project.name)


@pytest.mark.usefixtures("kept")
def test_pytest_django(grown: Grown, shared: Path) -> None:
    """C-28: with and without a transaction around each test, and beside the tests that were emitted."""
    plugin = shared / "pytest-django"
    run_uv(shared, "pip", "install", "--quiet", "--no-deps", "--target", str(plugin), "pytest-django==4.14.0")
    where = {"PYTHONPATH": str(plugin), "DJANGO_SETTINGS_MODULE": f"{grown.project.name}.django_settings"}
    output = grown.run("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/test_pytest_django.py", **where)
    assert "7 passed" in output, output


@pytest.mark.usefixtures("kept")
def test_a_command_whose_idle_connections_the_server_closes(grown: Grown, postgres: pg.Server) -> None:
    """C-28: with `close_old_connections`, its next query has new ones."""
    process = grown.begin("manage.py", "totals")
    assert process.stdin
    assert process.stdout
    used: set[int] = set()
    for _ in range(2):
        line = process.stdout.readline()
        assert line.startswith("1 1 "), line + process.communicate(timeout=30)[0]
        pids = {int(pid) for pid in line.split()[2:]}
        assert len(pids - used) == 2
        used |= pids
        postgres.execute("SELECT pg_terminate_backend(pid, 10000) FROM unnest(%s) pid", list(pids))
        process.stdin.write("\n")
        process.stdin.flush()
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 0, output
