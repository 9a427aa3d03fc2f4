"""Fixtures for services with jobs, and for services with telemetry."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from extensions.context import ON_WSGI
from tests.conftest import Render, Start, starting
from tests.support import postgres as pg
from tests.support import redis, variants
from tests.support.idioms import IDIOMS
from tests.support.jobs import InPostgres, procrastinate, released
from tests.support.procrastinate_idioms import TASKS
from tests.support.project import Project, edited, environment
from tests.support.queue_idioms import ALONE
from tests.support.service import Service
from tests.support.telemetry import Receiver, receiver

type Launch = Callable[..., Service]

OBSERVED = [
    {**answers, "observability": variants.choices()["observability"][-1]}
    for answers in variants.bootable(database="postgres")
]
MODULES = """

@router.get("/modules")
async def modules() -> list[str]:
    return sorted(sys.modules)


@router.get("/child")
async def child() -> int:
    import multiprocessing

    process = multiprocessing.get_context("fork").Process(target=time.sleep, args=[60])
    process.start()
    return process.pid


inner = APIRouter()


@inner.get("/part/{key}")
async def part(key: int) -> int:
    return key


router.include_router(inner, prefix="/whole")
"""
ENQUEUE = "from {0}.jobs import *\nfor _ in range({2}): {1}\n"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[redis.Server]:
    """Yield the test's own Redis."""
    with redis.running(tmp_path) as server:
        yield server


class Jobs:
    """Starts processes of the service, and enqueues its jobs."""

    def __init__(self, project: Project, start: Start, python: Path, variables: dict[str, str]) -> None:
        self.project, self.start, self.python, self.variables = project, start, python, variables
        self.idiom = IDIOMS[str(project.answers()["queue"])]

    def worker(self, **variables: str) -> Service:
        """Start a worker, and wait until it is working."""
        worker = self.start(process="worker", given=variables)
        worker.wait_event("working")
        return worker

    def run(self, process: str, stdin: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a one-off process."""
        return subprocess.run(
            [str(self.python), "-m", self.project.name, process],
            cwd=self.project.path,
            env={**self.variables, **variables},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def enqueue(self, call: str, count: int = 1, **variables: str) -> None:
        """Enqueue a job `count` times, as the service's own code does."""
        call = call.format(it=self.idiom)
        done = self.run("shell", ENQUEUE.format(self.project.name, call, count), **variables)
        assert done.returncode == 0, done.stdout


@pytest.fixture
def jobs(
    request: pytest.FixtureRequest, project: Project, shared: Path, server: redis.Server
) -> Iterator[Jobs]:
    """Yield an object that starts processes of the service with its backing services."""
    production = environment(shared, project, dev=False)
    variables = {"REDIS_URL": server.url, **project.secrets}
    if project.has_database:
        postgres: pg.Server = request.getfixturevalue("postgres")
        variables["DATABASE_URL"] = postgres.url(postgres.create())
    with starting(project, production, variables) as start:
        found = Jobs(project, start, production / "bin" / "python", variables)
        if project.has_database:
            assert found.run("release").returncode == 0
        yield found


@pytest.fixture(scope="session", params=OBSERVED, ids=variants.label)
def observed(request: pytest.FixtureRequest, render: Render, shared: Path) -> Project:
    """Return a service with every kind of telemetry. A test must not change it."""

    def add_routes(project: Project) -> None:
        project.add_routes()
        if project.answers()["framework"] == variants.LEADING:
            project.append("routes.py", MODULES)

    return edited(Project(render(request.param)), shared, "observed", add_routes)


@pytest.fixture
def observing(
    request: pytest.FixtureRequest, observed: Project, shared: Path, postgres: pg.Server
) -> Iterator[Start]:
    """Yield a function that starts a process of that service, with the test's own database."""
    production = environment(shared, observed, dev=False)
    variables = {"DATABASE_URL": postgres.url(postgres.create()), **observed.secrets}
    if observed.has_redis:
        variables["REDIS_URL"] = request.getfixturevalue("redis").url
    release = [str(production / "bin" / "python"), "-m", observed.name, "release"]
    subprocess.run(release, cwd=observed.path, env=variables, check=True, capture_output=True)
    with starting(observed, production, variables) as start:
        yield start


@pytest.fixture
def collector() -> Iterator[Receiver]:
    """Yield a receiver that is both an OpenTelemetry collector and a Sentry."""
    with receiver() as made:
        yield made


@pytest.fixture(scope="session", params=variants.bootable(queue="procrastinate"), ids=variants.label)
def queued(request: pytest.FixtureRequest, render: Render, shared: Path) -> Project:
    """Return a service with a queue and with the tests' jobs. A test must not change it."""
    emitted = Project(render(request.param))
    text = procrastinate(emitted) + TASKS
    if request.param["framework"] not in ON_WSGI:
        text += ALONE.format(declare="app.task")
    return edited(emitted, shared, "queued", lambda project: project.append("jobs.py", text))


@pytest.fixture
def queue(queued: Project, shared: Path, postgres: pg.Server) -> InPostgres:
    """Return that service's jobs, in the test's own database."""
    return released(queued, shared, postgres)


@pytest.fixture
def launch(queue: InPostgres) -> Iterator[Launch]:
    """Yield a function that starts a process type, by default a worker. Assert an empty stderr."""
    started: list[Service] = []

    def launch(process: str = "worker", **variables: str) -> Service:
        command = queue.project.procfile()[process]
        given = {**queue.variables, **variables}
        started.append(Service(queue.project, queue.environment, given, command))
        return started[-1]

    yield launch
    for service in started:
        service.kill()
        assert not service.stderr.lines, service.report()
