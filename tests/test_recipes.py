"""The recipes in the README of a service work as written (C-28): the tests apply its code blocks."""

import json
import re
import subprocess
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from tests.conftest import Render
from tests.support import postgres as postgres_server
from tests.support import redis as redis_server
from tests.support import variants
from tests.support.client import Connection
from tests.support.project import Project, union
from tests.support.selection import frameworks
from tests.support.service import Service
from tests.test_render import complaints

CURL = re.compile(r"^curl .*? -H \"Origin: (.*?)\" http://127.0.0.1:8000(\S+)", re.MULTILINE)
QUEUES = [
    {"framework": "fastapi", "database": "postgres", "queue": "procrastinate"},
    pytest.param(
        {"framework": "litestar", "database": "postgres", "queue": "dramatiq", "clock": True},
        marks=pytest.mark.variants,
    ),
    pytest.param(
        {"framework": "flask", "database": "none", "queue": "celery", "clock": True},
        marks=pytest.mark.variants,
    ),
    pytest.param(
        {"framework": "django", "database": "postgres", "queue": "procrastinate"}, marks=pytest.mark.variants
    ),
]


def run(
    project: Project, environment: Path, variables: dict[str, str], *command: str, stdin: str = ""
) -> None:
    """Run a command of the README, and assert that it succeeds."""
    done = subprocess.run(
        [environment / "bin" / command[0], *command[1:]],
        cwd=project.path,
        env={"PATH": str(environment / "bin"), **variables},
        input=stdin,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"


def apply(project: Project, environment: Path) -> None:
    """Do what the README says about a route, a process type and a setting."""
    [route], [mailer], [setting] = (
        project.blocks(title, "python") for title in ("Add a route", "Add a process type", "Add a setting")
    )
    project.append("routes.py", "\n\n" + route)
    main = project.package / "__main__.py"
    types = "PROCESS_TYPES = {\n"
    main.write_text(main.read_text().replace(types, f'{mailer}\n\n{types}    "mailer": mailer,\n'))
    with (project.path / "Procfile").open("a") as procfile:
        procfile.write(f"mailer: python -m {project.name} mailer\n")
    project.append("settings.py", setting)
    run(project, environment, {}, "python", "-m", "dev", "settings")


def apply_jobs(project: Project) -> None:
    """Do what the README says about a job, a periodic job (but with a run each second) and a table."""
    project.append("jobs.py", "\n\n" + project.blocks("Add a job", "python")[0])
    if project.answers()["queue"] == "procrastinate":
        file, periodic = "jobs.py", project.blocks("Jobs", "python")[-1]
    else:
        file, [periodic] = "schedule.py", project.blocks("Add a periodic job", "python")
        schedule = project.package / file
        jobs = re.compile(r"^(from \.jobs import .*)$", re.MULTILINE)
        schedule.write_text(jobs.sub(r"\1, remind", schedule.read_text()))
    assert "*/5 * * * *" in periodic
    project.append(file, "\n\n" + periodic.replace("*/5 * * * *", "* * * * * *"))
    if project.has_database:
        [table] = project.blocks("Change the schema", "python")
        project.append("models.py", "\n\n" + table)


ROLE = """
with Services.current().reports.transaction() as session:
    assert session.connection().exec_driver_sql("SELECT current_user").scalar() == "reports"
"""
ROLE_OF_DJANGO = """
from django.db import connections
with connections["reports"].cursor() as cursor:
    assert cursor.execute("SELECT current_user").fetchone() == ("reports",)
"""


def add_role(project: Project, environment: Path, database: postgres_server.Database) -> tuple[str, str]:
    """Do what the README says about a second database; return a role's URL, and a script that uses it."""
    setting, place = project.blocks("Add a second database", "python")
    project.append("settings.py", setting)
    django = project.answers()["framework"] == "django"
    project.append("django_settings.py" if django else "services.py", place)
    run(project, environment, {}, "python", "-m", "dev", "settings")
    with suppress(psycopg.errors.DuplicateObject):
        database.execute("CREATE ROLE reports LOGIN")
    database.execute("ALTER ROLE reports SET default_transaction_read_only = on")
    script = ROLE_OF_DJANGO if django else f"from {project.name}.services import Services\n{ROLE}"
    return database.server.url(database.name, user="reports"), script


@pytest.mark.timeout(300)
@pytest.mark.parametrize("framework", frameworks(variants.LEADING, "django"))
def test_the_recipes_work(framework: str, render: Render, shared: Path, tmp_path: Path) -> None:
    answers = {"framework": framework, "database": "none", "platforms": []}
    project = Project(render(answers)).copy(tmp_path / "project")
    apply(project, union(shared))
    assert "| `GREETING` | `hello` | What `/hello` says. |" in project.section("Configuration")
    assert "GREETING=hello\n" in (project.path / ".env.example").read_text()
    checks = ("ruff format --check", "ruff check", f"mypy {project.name}")
    assert not (found := complaints(project.path, union(shared), *checks)), found
    commands = project.procfile()
    cors = project.section("Allow pages of another origin")
    [(origin, path)], [allowed] = CURL.findall(cors), re.findall(r"`CORS_ORIGINS=(.*?)`", cors)
    variables = {**project.secrets, "SHUTDOWN_DRAIN_SECONDS": "0", "CORS_ORIGINS": allowed}
    web, mailer = (Service(project, union(shared), variables, commands[name]) for name in ("web", "mailer"))
    try:
        response, body = Connection(web.port).get(path, Origin=origin)
        assert (response.status, json.loads(body)) == (200, {"hello": "world"})
        assert response.headers["Access-Control-Allow-Origin"] == origin
        for service in (web, mailer):
            service.terminate()
            assert service.wait() == 0, service.report()
    finally:
        web.kill()
        mailer.kill()


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("answers", QUEUES, ids=variants.label)
def test_the_recipes_for_jobs_and_tables_work(
    answers: variants.Answers,
    render: Render,
    shared: Path,
    postgres: postgres_server.Server,
    redis: redis_server.Server,
    tmp_path: Path,
) -> None:
    project = Project(render({**answers, "platforms": []})).copy(tmp_path / "project")
    apply_jobs(project)
    environment, variables = union(shared), {**project.secrets, "SHUTDOWN_DRAIN_SECONDS": "0"}
    if project.has_redis:
        variables["REDIS_URL"] = redis.url
    if project.has_database:
        database = postgres_server.Database(postgres, postgres.create())
        variables["DATABASE_URL"] = database.url
        for command in project.readme_commands("Change the schema", "dev run"):
            run(project, environment, variables, *command)
        assert database.execute("SELECT count(*) FROM tags") == [(0,)]
        url, script = add_role(project, environment, database)
        as_role = variables | {"REPORTS_DATABASE_URL": url}
        run(project, environment, as_role, "python", "-m", project.name, "shell", stdin=script)
        run(project, environment, variables, "python", "-m", project.name, "check")
        services = project.package / "services.py"
        text = services.read_text()
        services.write_text(text.replace("pool_size=2,", "pool_size=2,\n            read_only=True,"))
        run(project, environment, as_role, "python", "-m", project.name, "check")
    checks = ("ruff format --check", "ruff check", f"mypy {project.name}")
    assert not (found := complaints(project.path, environment, *checks)), found
    commands = project.procfile()
    started = [worker := Service(project, environment, variables, commands["worker"])]

    def succeeded(job: str) -> int:
        found = worker.find("job", outcome="succeeded")
        return len([event for event in found if event["job"].rpartition(".")[2] == job])

    try:
        script = project.blocks("Add a job", "python")[1]
        run(project, environment, variables, "python", "-m", project.name, "shell", stdin=script)
        worker.wait_until(lambda: succeeded("remind") == 1, "job")
        if "clock" in commands:
            started.append(Service(project, environment, variables, commands["clock"]))
        again = ("remind", 2) if "clock" in commands else ("tidy", 1)
        worker.wait_until(lambda: succeeded(again[0]) >= again[1], "periodic job")
    finally:
        for service in started:
            service.kill()
