"""Jobs a second, and how long one waits for its start, beside each queue's own minimal worker."""

import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support import postgres as pg
from tests.support import redis as redis_server
from tests.support.client import reserved_port
from tests.support.project import Project

from .rows import Row, Rows
from .services import Asked, Services
from .sides import Side

QUEUES = ("procrastinate", "dramatiq", "celery")
CONCURRENCY, JOBS, SECONDS = 8, 160, 0.1  # as fast as can be: JOBS * SECONDS / CONCURRENCY = 2 s
LATE = 20  # jobs, one after another, whose start is waited for
# What both sides run: a job tells the moment of its start and of its end in a file that all append to.
OURS = '''

import os
import time


@{declare}
def work(seconds: float) -> None:
    """Take a while, and tell of it."""
    began = time.time()
    time.sleep(seconds)
    with open(os.environ["TOLD"], "a") as told:
        told.write(f"{{began}} {{time.time()}}\\n")
'''
DECLARE = {"procrastinate": "app.task", "dramatiq": "dramatiq.actor", "celery": "app.task"}
SEND = {"procrastinate": "work.defer(seconds={})", "dramatiq": "work.send({})", "celery": "work.delay({})"}
BARE = {
    "procrastinate": """
import os
import procrastinate

app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=os.environ["DATABASE_URL"]))
""",
    "dramatiq": """
import os
import dramatiq
from dramatiq.brokers.redis import RedisBroker

dramatiq.set_broker(RedisBroker(url=os.environ["REDIS_URL"]))
""",
    "celery": """
import os
import celery

app = celery.Celery("plain", broker=os.environ["REDIS_URL"])
app.conf.task_ignore_result = True
""",
}
# How a script beside the minimal worker reaches its job.
ENQUEUE = {
    "procrastinate": "import atexit\nfrom plain import app, work\napp.open()\natexit.register(app.close)",
    "dramatiq": "from plain import work",
    "celery": "from plain import work",
}
WORKER = {
    "procrastinate": ["procrastinate", "--app=plain.app", "worker", f"--concurrency={CONCURRENCY}"],
    "dramatiq": ["dramatiq", "plain", "--processes=1", f"--threads={CONCURRENCY}"],
    "celery": [
        "celery",
        "-A",
        "plain",
        "worker",
        "--pool=threads",
        f"--concurrency={CONCURRENCY}",
        "-l",
        "error",
    ],
}


ONE_BY_ONE = """{words}
import os, time
for _ in range({count}):
    print(time.time(), file=open(os.environ["SENT"], "a"))
    {send}
    time.sleep(0.1)

"""


class Told:
    """The file in which jobs tell of themselves."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.path.touch()

    def wait(self, count: int) -> list[tuple[float, float]]:
        """Wait until so many jobs have ended, and return the moments of their starts and ends."""
        deadline = time.monotonic() + 120
        while len(lines := self.path.read_text().splitlines()) < count:
            assert time.monotonic() < deadline, f"{len(lines)} of {count} jobs have run"
            time.sleep(0.005)
        return [(float(began), float(ended)) for began, ended in (line.split() for line in lines)]


def enqueue(side: Side, script: Sequence[str], text: str) -> None:
    """Run a script of the service that enqueues."""
    python = str(Path(side.command[0]).with_name("python"))
    command, quiet = [python, *script], subprocess.DEVNULL
    subprocess.run(
        command, cwd=side.where, env=side.variables, input=text, text=True, check=True, stdout=quiet
    )


def worked(worker: Side, script: Sequence[str], words: str, queue: str, folder: Path) -> tuple[float, float]:
    """Return the rate of jobs that wait when the worker starts, and the ms from an enqueue to its start."""
    told, sent = Told(folder / f"told-{time.monotonic_ns()}"), folder / f"sent-{time.monotonic_ns()}"
    variables = {**worker.variables, "TOLD": str(told.path), "SENT": str(sent)}
    side = Side(worker.command, worker.where, variables, worker.port)
    send = SEND[queue]
    enqueue(side, script, f"{words}\nfor _ in range({JOBS}): {send.format(SECONDS)}\n")
    with side.running() as process:
        runs = told.wait(JOBS)
        rate = JOBS / (max(ended for _, ended in runs) - min(began for began, _ in runs))
        enqueue(side, script, ONE_BY_ONE.format(words=words, count=LATE, send=send.format(0)))
        starts = sorted(began for began, _ in told.wait(JOBS + LATE)[JOBS:])
        process.process.terminate()
        process.process.wait(60)
    moments = [float(line) for line in sent.read_text().split()]
    return rate, statistics.median((began - at) * 1000 for began, at in zip(starts, moments, strict=True))


def queues(services: Services, asked: Asked) -> list[Row]:
    """Measure each queue, with Postgres under FastAPI, against its own worker."""
    found: list[Row] = []
    with (
        pg.running() as postgres,
        tempfile.TemporaryDirectory() as place,
        redis_server.running(Path(place)) as redis,
        reserved_port() as port,
    ):
        for queue in QUEUES:
            rows, folder = Rows(queue), Path(place)
            project = services.emitted(framework="fastapi", database="postgres", queue=queue)
            if "def work(" not in (project.package / "jobs.py").read_text():
                project.append("jobs.py", OURS.format(declare=DECLARE[queue]))
                plain = BARE[queue] + OURS.format(declare=DECLARE[queue])
                (project.path / "bare" / "plain.py").write_text(plain)
            for number in range(asked.rounds):
                given = {
                    "WORKER_CONCURRENCY": str(CONCURRENCY),
                    "REDIS_URL": redis.url.removesuffix("/0") + "/1",
                }
                one = services.ours(project, port, given | database(postgres), "worker")
                run([one.command[0], "-m", project.name, "release"], one)
                changed = {**database(postgres), "REDIS_URL": redis.url.removesuffix("/0") + "/2"}
                other = minimal(services, project, queue, {**one.variables, **changed}, port)
                shell = ("-m", project.name, "shell")
                ours = ("ours", one, shell, f"from {project.name}.jobs import work")
                theirs = ("bare", other, ("-",), ENQUEUE[queue])
                pair = (ours, theirs) if number % 2 else (theirs, ours)
                took = {name: worked(side, how, words, queue, folder) for name, side, how, words in pair}
                goal = f"≥ {0.8 * CONCURRENCY / SECONDS:.0f}/s"
                rows.add("jobs a second", "1/s", took["ours"][0], took["bare"][0], goal)
                rows.add("enqueue to start", "ms", took["ours"][1], took["bare"][1])
            found += rows.all()
    return found


def minimal(
    services: Services, project: Project, queue: str, variables: Mapping[str, str], port: int
) -> Side:
    """Return the queue's own worker, on a database or a Redis of its own."""
    programs = services.programs(project)
    conninfo = variables["DATABASE_URL"].replace("postgres:", "postgresql:", 1)
    given = {**variables, "DATABASE_URL": conninfo, "PYTHONPATH": ".", "PATH": f"{programs}:{os.defpath}"}
    side = Side([str(programs / WORKER[queue][0]), *WORKER[queue][1:]], project.path / "bare", given, port)
    if queue == "procrastinate":
        run([str(programs / "procrastinate"), "--app=plain.app", "schema", "--apply"], side)
    return side


def database(postgres: pg.Server) -> dict[str, str]:
    """Return a new database."""
    return {"DATABASE_URL": postgres.url(postgres.create())}


def run(command: Sequence[str], side: Side) -> None:
    """Run a command with a side's variables, to its end."""
    subprocess.run(command, cwd=side.where, env=side.variables, check=True, stdout=subprocess.DEVNULL)
