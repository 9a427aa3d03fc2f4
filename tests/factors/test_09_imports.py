"""IX. Disposability: a process imports what it uses, since each library costs its boot and its memory."""

import subprocess
from pathlib import Path

from tests.conftest import Render, starting
from tests.support.postgres import Server
from tests.support.project import Project, environment

ANSWERS = {"framework": "fastapi", "database": "postgres", "queue": "procrastinate"}
# Python imports this at its start. It notes what is imported from then on.
NOTE = """
import os
import sys

noted = os.open(os.environ["IMPORTED"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)


def note(event, arguments):
    if event == "import":
        os.write(noted, arguments[0].partition(".")[0].encode() + b"\\n")


sys.addaudithook(note)
"""
ENDS = ("", ".py", ".*.so")  # of a package, a module, an extension
SETTINGS = {
    "annotated_types",
    "dotenv",
    "pydantic",
    "pydantic_core",
    "pydantic_settings",
    "typing_extensions",
}
ALWAYS = SETTINGS | {"orjson", "structlog", "typing_inspection"}
POSTGRES = {"greenlet", "psycopg", "psycopg_binary", "sqlalchemy"}
PROCRASTINATE = {
    "asgiref",
    "attr",
    "croniter",
    "dateutil",
    "packaging",
    "procrastinate",
    "psycopg_pool",
    "six",
}
FASTAPI = {"annotated_doc", "anyio", "fastapi", "opentelemetry", "starlette"}
UVICORN = {"click", "httptools", "uvicorn", "uvloop", "watchfiles", "websockets"}
MIGRATIONS = {"alembic", "mako", "markupsafe"}
ALLOWED = {
    "web": ALWAYS | POSTGRES | PROCRASTINATE | FASTAPI | UVICORN,
    "worker": ALWAYS | POSTGRES | PROCRASTINATE | FASTAPI,  # db.py says how a request gets its session
    "check": ALWAYS | POSTGRES | PROCRASTINATE | MIGRATIONS,
    "release": ALWAYS | POSTGRES | PROCRASTINATE | MIGRATIONS,
}


def test_a_process_imports_what_it_uses(
    render: Render, shared: Path, postgres: Server, tmp_path: Path
) -> None:
    """A library that comes into a process changes this list on purpose, or it does not come."""
    project = Project(render(ANSWERS))
    production = environment(shared, project, dev=False)
    [installed] = production.glob("lib/python3*/site-packages")
    (tmp_path / "sitecustomize.py").write_text(NOTE)
    variables = {"PYTHONPATH": str(tmp_path), "DATABASE_URL": postgres.url(postgres.create())}
    python = str(production / "bin" / "python")
    with starting(project, production, variables) as start:
        for process in ("release", "check"):
            given = variables | {"IMPORTED": str(tmp_path / process)}
            command = [python, "-m", project.name, process]
            subprocess.run(command, cwd=project.path, env=given, check=True, stdout=subprocess.DEVNULL)
        for process, begins in (("web", "listening"), ("worker", "working")):
            start(process=process, IMPORTED=str(tmp_path / process)).wait_event(begins)
    for process, allowed in ALLOWED.items():
        names = set((tmp_path / process).read_text().split()) - {project.name}
        imported = {name for name in names if any(any(installed.glob(f"{name}{end}")) for end in ENDS)}
        assert imported == allowed, process
