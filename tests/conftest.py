"""The fixtures of all tests: the template, what it renders, and services that run."""

import os
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

import pytest

from extensions.context import ON_WSGI
from tests.support import postgres as pg
from tests.support import redis as redis_server
from tests.support import variants
from tests.support.git import IDENTITY
from tests.support.project import Project, environment, key, once
from tests.support.project import render as run_copier
from tests.support.service import Service
from tests.support.template import snapshot

# Without what the tests' own runner would tell uv; with what copier's commits need where git knows nobody.
for _name in ("VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT", "UV_PYTHON", "PYTHONPATH"):
    os.environ.pop(_name, None)
os.environ |= IDENTITY


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a run choose its variants."""
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
    """Leave out what is not wanted, and begin what waits for long: the others go on meanwhile."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)
    spared = {item for item in items if not is_wanted(item, config)}
    config.hook.pytest_deselected(items=list(spared))
    items[:] = [item for item in items if item not in spared]


def is_wanted(item: pytest.Item, config: pytest.Config) -> bool:
    """Tell whether this run tests this on its variant."""
    parameters: dict[str, Any] = item.callspec.params if hasattr(item, "callspec") else {}
    variant = next((value for value in parameters.values() if is_variant(value)), None)
    if not variant:
        return True
    if item.get_closest_marker("asgi" if variant["framework"] in ON_WSGI else "wsgi"):
        return False
    if config.option.framework and variant["framework"] not in config.option.framework:
        return False
    if item.path.parent.name != "factors":
        return True
    if item.get_closest_marker("database") and variant["database"] == "none":
        return False
    return config.option.variants == "all" or tells_something_new(item, variant, "pristine" in parameters)


def is_variant(value: Any) -> bool:
    """Tell whether the parameter of a test is a set of answers."""
    return isinstance(value, Mapping) and "framework" in value


def tells_something_new(item: pytest.Item, variant: variants.Answers, pristine: bool) -> bool:
    """Tell whether a test is worth its time in a run over pairs."""
    if "observability" in variant:
        return is_observed(variant, every_framework=bool(item.get_closest_marker("every_framework")))
    if not pristine:  # the queues: at most one step away from the leading one with a database
        steps = ["every_framework"] if variant["framework"] != variants.LEADING else []
        steps += ["every_database"] if variant["database"] == "none" else []
        return len(steps) < 2 and all(map(item.get_closest_marker, steps))
    worth = variants.worth(variant)
    return worth is not None and bool(re.match(worth, f"{item.path.name}::{item.name}"))


def is_observed(variant: variants.Answers, *, every_framework: bool) -> bool:
    """Tell whether a run over pairs takes this one of those that tell of themselves."""
    pair = (variant["framework"], variant["queue"])
    return pair in variants.OBSERVED[: None if every_framework else 1]


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that all workers of pytest-xdist share in this run."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base


@pytest.fixture(scope="session")
def template(shared: Path) -> Path:
    """Return a git repository of the template as it stands in the work tree, tagged 999.0.0."""
    return once(shared / "template", snapshot)


class Render(Protocol):
    """Renders a set of answers, once in this run: what it returns is not to be changed."""

    def __call__(self, answers: variants.Answers | None = None, **options: Any) -> Path: ...


@pytest.fixture(scope="session")
def render(shared: Path, template: Path) -> Render:
    """Return a function that renders a set of answers; `options` are those of copier.run_copy."""

    def rendered(answers: variants.Answers | None = None, **options: Any) -> Path:
        folder = shared / f"rendered-{key(answers or {}, options)}" / "project"
        return once(folder, lambda to: run_copier(template, to, answers or {}, **options))

    return rendered


@pytest.fixture(scope="session", params=variants.bootable(), ids=variants.label)
def pristine(request: pytest.FixtureRequest, render: Render) -> Project:
    """Return each variant that can boot differently, as emitted. It is not to be changed."""
    return Project(render(request.param))


@pytest.fixture(scope="session")
def probed(pristine: Project, shared: Path) -> Project:
    """Return the same with the routes that the tests talk to. It is not to be changed."""

    def add_routes(to: Path) -> None:
        pristine.copy(to).add_routes()

    return Project(once(shared / f"probed-{key(pristine.answers())}" / "project", add_routes))


@pytest.fixture
def copied(pristine: Project, tmp_path: Path) -> Project:
    """Return a copy that a test may change."""
    return pristine.copy(tmp_path / "project")


@pytest.fixture(scope="session")
def production(pristine: Project, shared: Path) -> Path:
    """Return the environment with what production installs, and no more."""
    return environment(shared, pristine, dev=False)


@pytest.fixture(scope="session")
def development(pristine: Project, shared: Path) -> Path:
    """Return the environment with the development tools too."""
    return environment(shared, pristine, dev=True)


@pytest.fixture(scope="session")
def postgres() -> Iterator[pg.Server]:
    """Return the server of this worker's tests, which is never stopped meanwhile."""
    with pg.running() as server:
        yield server


@pytest.fixture(scope="session")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[redis_server.Server]:
    """Return the Redis of this worker's tests, which is never stopped meanwhile."""
    with redis_server.running(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="session")
def migrated(request: pytest.FixtureRequest, pristine: Project, production: Path) -> str:
    """Return a database with the tables of this release, to be copied and not to be used."""
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
    """Return the variables that name this variant's backing services, for tests that only need them there.

    By a unix socket, because that is reached from every network namespace.
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
    """Return a database of the test's own, with the tables of this release."""
    return pg.Database(postgres, postgres.create(migrated))


class Start(Protocol):
    """Starts a process type of a project, with the environment variables that a test names or has `given`."""

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

    Each is killed in the end; and each, in every test, must have written nothing to stderr, and
    nothing but JSON to stdout (C-20, C-21).
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
    """Return a function that starts a process type for one test."""
    with starting(probed, production, attached) as start:
        yield start


@pytest.fixture(scope="module")
def web(probed: Project, production: Path, attached: Mapping[str, str]) -> Iterator[Service]:
    """Return a service with the default settings, for all tests of a module that only send requests."""
    with starting(probed, production, attached) as start:
        service = start()
        service.wait_event("listening")
        yield service


class Run(Protocol):
    """Runs `python -m PKG …` of a project to its end."""

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
    """Return a function that runs a one-off process, or any process type that is expected to end."""

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
