"""The fixtures for all tests: the template, rendered projects and running services."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

import pytest

from tests.support import postgres as pg
from tests.support import redis as redis_server
from tests.support import variants
from tests.support.git import IDENTITY
from tests.support.project import Project, edited, environment, key, let_copier_ask_git_less, once
from tests.support.project import render as run_copier
from tests.support.selection import in_turns, is_wanted
from tests.support.service import Service
from tests.support.template import snapshot

# Remove the variables that would point uv to the tests' own environment, and the one that would make each of
# a thousand processes compile every module that it imports. Add an identity, which copier's commits need if
# git has none.
for _name in ("VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT", "UV_PYTHON", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE"):
    os.environ.pop(_name, None)
sys.dont_write_bytecode = False
os.environ |= IDENTITY
let_copier_ask_git_less()

# pytest makes the folder of its runs inaccessible to other users, but Postgres runs there as another user.
# So this run has its own folder. `shared` removes the variable, so a pytest that a test starts uses another.
RUNS = Path(tempfile.gettempdir(), f"slipway-{os.getuid()}")
RUNS.mkdir(exist_ok=True)
os.environ["PYTEST_DEBUG_TEMPROOT"] = str(RUNS)
# Each worker checks the types of the libraries once. mypy's cache is not for two processes at a time.
os.environ["MYPY_CACHE_DIR"] = str(RUNS / f"mypy-{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options that choose a run's variants."""
    group = parser.getgroup("variants")
    group.addoption(
        "--variants",
        choices=("pairs", "all"),
        default="pairs",
        help="pairs (default): no test that tells nothing new; all: tests/factors on every combination",
    )
    frameworks = variants.choices()["framework"]
    group.addoption("--framework", action="append", choices=frameworks, help="no variants but of this one")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect tests that this run does not need, and let each worker begin with the longest waits."""
    spared = {item for item in items if not is_wanted(item, config)}
    config.hook.pytest_deselected(items=list(spared))
    items[:] = in_turns(
        [item for item in items if item not in spared], int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    )


@pytest.fixture(scope="session", autouse=True)
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that all workers of pytest-xdist share in this run."""
    base = tmp_path_factory.getbasetemp()
    os.environ.pop("PYTEST_DEBUG_TEMPROOT", None)
    return base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base


@pytest.fixture(scope="session")
def template(shared: Path) -> Path:
    """Return a git repository of the template as it stands in the work tree, tagged 999.0.0."""
    return once(shared / "template", snapshot)


class Render(Protocol):
    """Renders a set of answers, once per run. A test must not change the result."""

    def __call__(self, answers: variants.Answers | None = None, **options: Any) -> Path: ...


@pytest.fixture(scope="session")
def render(shared: Path, template: Path) -> Render:
    """Return a function that renders a set of answers. `options` are arguments of copier.run_copy."""

    def rendered(answers: variants.Answers | None = None, **options: Any) -> Path:
        folder = shared / f"rendered-{key(answers or {}, options)}" / "project"
        return once(folder, lambda to: run_copier(template, to, answers or {}, **options))

    return rendered


@pytest.fixture(scope="session", params=variants.bootable(), ids=variants.label)
def pristine(request: pytest.FixtureRequest, render: Render) -> Project:
    """Return each variant that can boot differently, as generated. A test must not change it."""
    return Project(render(request.param))


@pytest.fixture(scope="session")
def probed(pristine: Project, shared: Path) -> Project:
    """Return the same variant with the routes that the tests request. A test must not change it."""
    return edited(pristine, shared, "probed", Project.add_routes)


@pytest.fixture
def copied(pristine: Project, tmp_path: Path) -> Project:
    """Return a copy of the generated project that a test may change."""
    return pristine.copy(tmp_path / "project")


@pytest.fixture(scope="session")
def production(pristine: Project, shared: Path) -> Path:
    """Return an environment with only the packages that production installs."""
    return environment(shared, pristine, dev=False)


@pytest.fixture(scope="session")
def development(pristine: Project, shared: Path) -> Path:
    """Return an environment that also has the development tools."""
    return environment(shared, pristine, dev=True)


@pytest.fixture(scope="session")
def postgres() -> Iterator[pg.Server]:
    """Yield the Postgres for this worker's tests. No test may stop it."""
    with pg.running() as server:
        yield server


@pytest.fixture(scope="session")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[redis_server.Server]:
    """Yield the Redis for this worker's tests. No test may stop it."""
    with redis_server.running(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="session")
def migrated(request: pytest.FixtureRequest, pristine: Project, production: Path) -> str:
    """Return the name of a database with this variant's tables. A test must copy it and not use it."""
    server: pg.Server = request.getfixturevalue("postgres")
    name = server.create()
    subprocess.run(
        [str(production / "bin" / "python"), "-m", pristine.name, "release"],
        cwd=pristine.path,
        env={
            "DATABASE_URL": server.url(name),
            "REDIS_URL": "redis://nobody.invalid",
            **pristine.secrets,
        },
        check=True,
        capture_output=True,
    )
    return name


@pytest.fixture(scope="session")
def attached(request: pytest.FixtureRequest, pristine: Project) -> Mapping[str, str]:
    """Return the variables for this variant's backing services, for tests that only need these to exist.

    The database has a unix socket, because that is reachable from every network namespace.
    """
    variables = dict(pristine.secrets)
    if pristine.has_database:
        server: pg.Server = request.getfixturevalue("postgres")
        variables["DATABASE_URL"] = server.socket_url(server.create(request.getfixturevalue("migrated")))
    if pristine.has_redis:
        variables["REDIS_URL"] = request.getfixturevalue("redis").url
    return variables


@pytest.fixture
def database(postgres: pg.Server, migrated: str) -> pg.Database:
    """Return the test's own database, with this variant's tables."""
    return pg.Database(postgres, postgres.create(migrated))


class Start(Protocol):
    """Starts a process type of a project, with a test's environment variables: keywords, or `given`."""

    def __call__(
        self,
        project: Project | None = None,
        process: str = "web",
        isolation: Sequence[str] = (),
        given: Mapping[str, str] = {},
        **variables: str,
    ) -> Service: ...


@contextmanager
def starting(
    probed: Project, production: Path, attached: Mapping[str, str] = MappingProxyType({})
) -> Iterator[Start]:
    """Yield a function that starts a process type, by default `web` of the probed project.

    At the end, kill each process. In every test, assert that each has written nothing to stderr and only
    JSON to stdout (C-20, C-21).
    """
    started: list[Service] = []

    def start(
        project: Project | None = None,
        process: str = "web",
        isolation: Sequence[str] = (),
        given: Mapping[str, str] = {},
        **variables: str,
    ) -> Service:
        project = project or probed
        command = project.procfile()[process]
        service = Service(project, production, {**attached, **given, **variables}, command, isolation)
        started.append(service)
        return service

    try:
        yield start
    finally:
        for service in started:
            service.kill()
    for service in started:
        assert not service.stderr.lines, service.report()
        assert service.variables.get("LOG_FORMAT") == "console" or service.events is not None


@pytest.fixture
def start(probed: Project, production: Path, attached: Mapping[str, str]) -> Iterator[Start]:
    """Yield a function that starts a process type for one test."""
    with starting(probed, production, attached) as start:
        yield start


@pytest.fixture(scope="module")
def web(probed: Project, production: Path, attached: Mapping[str, str]) -> Iterator[Service]:
    """Yield a service with the default settings, for all tests of a module that only send requests."""
    with starting(probed, production, attached) as start:
        service = start()
        service.wait_event("listening")
        yield service


class Run(Protocol):
    """Runs `python -m PKG …` in a project, and waits until it exits."""

    def __call__(
        self,
        *arguments: str,
        project: Project | None = None,
        stdin: str = "",
        given: Mapping[str, str] = {},
        **variables: str,
    ) -> subprocess.CompletedProcess[str]: ...


@pytest.fixture
def run(probed: Project, production: Path, attached: Mapping[str, str]) -> Run:
    """Return a function that runs a one-off process, or a process type that should exit."""

    def run(
        *arguments: str,
        project: Project | None = None,
        stdin: str = "",
        given: Mapping[str, str] = {},
        **variables: str,
    ) -> subprocess.CompletedProcess[str]:
        project = project or probed
        return subprocess.run(
            [str(production / "bin" / "python"), "-m", project.name, *arguments],
            cwd=project.path,
            env={"PATH": str(production / "bin"), **attached, **given, **variables},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run
