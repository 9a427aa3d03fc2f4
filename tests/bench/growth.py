"""How throughput, memory and connections grow with processes: FastAPI with Postgres and procrastinate."""

import tempfile
import threading
from contextlib import ExitStack
from pathlib import Path

from tests.support import postgres as pg
from tests.support.client import reserved_port
from tests.support.project import Project

from .jobs import CONCURRENCY, DECLARE, JOBS, OURS, SECONDS, SEND, Told, database, enqueue, run
from .load import Order, get, post, send
from .rows import Row, Rows
from .services import Asked, Services
from .sides import Side

WEB = (1, 2, 4)
WORKERS = (1, 2, 4, 8)
CLIENTS = 64
QUEUE = "procrastinate"


class Most:
    """The most connections to a database during a block, counted ten times a second."""

    def __init__(self, server: pg.Server, url: str) -> None:
        self.server, self.name = server, url.rpartition("/")[2]
        self.count, self.over = 0, threading.Event()

    def __enter__(self) -> "Most":
        self.thread = threading.Thread(target=self._watch)
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.thread.join()

    def _watch(self) -> None:
        while not self.over.wait(0.1):
            self.count = max(self.count, self.server.connections(self.name))


def growth(services: Services, asked: Asked) -> list[Row]:
    """Measure 1 to 4 web processes of one service, and 1 to 8 of its workers."""
    rows = Rows("growth")
    project = services.emitted(framework="fastapi", database="postgres", queue=QUEUE)
    if "def work(" not in (project.package / "jobs.py").read_text():
        project.append("jobs.py", OURS.format(declare=DECLARE[QUEUE]))
    with pg.running() as server, reserved_port() as port:
        for _ in range(asked.rounds):
            variables = database(server)
            release = services.ours(project, port, variables)
            run([release.command[0], "-m", project.name, "release"], release)
            for count in WEB:
                side = services.ours(project, port, {**variables, "WEB_CONCURRENCY": str(count)})
                serve(rows, side, count, asked, server)
            for count in WORKERS:
                work(rows, services.ours(project, port, variables, "worker"), project, count, server)
    return rows.all()


def serve(rows: Rows, side: Side, count: int, asked: Asked, server: pg.Server) -> None:
    """Ask so many web processes for the index, then for notes."""
    requests = [post("/notes", '{"text": "a few words to count"}'), get("/notes/1")]
    with side.running() as process:
        process.seconds_until_answer(side.port)
        hello = send(Order(side.port, [get("/")], CLIENTS, asked.seconds))
        with Most(server, side.variables["DATABASE_URL"]) as most:
            notes = send(Order(side.port, requests, CLIENTS, asked.seconds))
        rows.add(f"{count} web: index", "1/s", hello.rps)
        rows.add(f"{count} web: notes", "1/s", notes.rps)
        rows.add(f"{count} web: memory", "MB", process.megabytes())
        rows.add(f"{count} web: connections", "", most.count)


def work(rows: Rows, side: Side, project: Project, count: int, server: pg.Server) -> None:
    """Give so many workers jobs that wait when they start."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as workers:
        told, jobs = Told(Path(folder) / "told"), JOBS * count
        given = {"TOLD": str(told.path), "WORKER_CONCURRENCY": str(CONCURRENCY)}
        one = Side(side.command, side.where, {**side.variables, **given}, side.port)
        words = (
            f"from {project.name}.jobs import work\nfor _ in range({jobs}): {SEND[QUEUE].format(SECONDS)}\n"
        )
        enqueue(one, ["-m", project.name, "shell"], words)
        for _ in range(count):
            workers.enter_context(one.running())
        told.wait(1)  # what enqueued has let go of its connections
        with Most(server, side.variables["DATABASE_URL"]) as most:
            runs = told.wait(jobs)
        rate = jobs / (max(ended for _, ended in runs) - min(began for began, _ in runs))
        rows.add(f"{count} workers: jobs", "1/s", rate)
        rows.add(f"{count} workers: connections", "", most.count)
