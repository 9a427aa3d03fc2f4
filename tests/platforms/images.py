"""The images, built for real and run as little trusted as they ask to be: `nox -s images`.

There is no registry and no daemon in it. A Debian that mmdebstrap makes stands in for Docker's
Python image, and PyPI's uv for its own; buildah builds on them, and the container is a namespace
with the image's root, read-only. It wants Linux, root, buildah and mmdebstrap, and takes minutes.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest
import uv

from extensions.options import ON_REDIS
from tests.conftest import Render
from tests.support import postgres, redis, variants
from tests.support.client import Connection, status
from tests.support.project import Project
from tests.support.service import Service
from tests.support.template import ROOT

PACKAGES = "ca-certificates,python3,python3-venv,tzdata,netbase"
SUITE, PYTHON = "trixie", "3.13"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
CACHE = ROOT / ".nox" / "images"  # the Debian, from one run to the next
REVISION = "c0ffee"
# A container: processes and mounts of its own, the root read-only, and nothing but /tmp to write to.
CONTAINER = """
mount --bind "$0" "$0" && mount --make-private "$0" && mount -o remount,bind,ro "$0" &&
mount -t proc proc "$0/proc" && mount -t tmpfs tmpfs "$0/tmp" && exec {chroot} "$0" "$@"
"""
CAPABILITIES = ("inh-caps", "ambient-caps", "bounding-set")
UNTRUSTED = [
    "--clear-groups",
    "--no-new-privs",
    "--inh-caps=-all",
    "--ambient-caps=-all",
    "--bounding-set=-all",
]

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="building images wants root"),
    pytest.mark.skipif(not shutil.which("buildah"), reason="buildah is not here"),
    pytest.mark.skipif(not shutil.which("mmdebstrap"), reason="mmdebstrap is not here"),
    pytest.mark.timeout(900),
]


class Buildah:
    """buildah, with a storage of its own."""

    def __init__(self, folder: Path) -> None:
        self.prefix = [
            "buildah",
            "--root",
            f"{folder}/root",
            "--runroot",
            f"{folder}/run",
            "--storage-driver=vfs",
        ]

    def __call__(self, command: str, *arguments: str | Path, cwd: Path = ROOT) -> str:
        """Run a command, and return what it prints."""
        done = subprocess.run(
            [*self.prefix, command, *map(str, arguments)], cwd=cwd, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def base(self, name: str, *added: tuple[str | Path, str], setup: str = "") -> None:
        """Make an image of files, and of a command that is run in it."""
        container = self("from", "scratch")
        for source, target in added:
            self("add", container, source, target)
        if setup:
            self("run", "--isolation=chroot", "--network=host", container, "--", "sh", "-c", setup)
        if (CERTIFICATES, str(CERTIFICATES)) in added:
            self("config", "--env", f"SSL_CERT_FILE={CERTIFICATES}", container)
        self("commit", "--quiet", container, name)
        self("rm", container)


@pytest.fixture(scope="session")
def buildah(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Buildah]:
    """Return a buildah that has the images which a Dockerfile begins with."""
    folder = tmp_path_factory.mktemp("buildah")
    buildah = Buildah(folder)
    debian = CACHE / f"{SUITE}.tar"
    if not debian.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        new = debian.with_suffix(".new.tar")
        make = ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={PACKAGES}", SUITE, str(new)]
        subprocess.run(make, check=True)
        new.replace(debian)
    own = (
        [(CERTIFICATES, str(CERTIFICATES))] if CERTIFICATES.exists() else []
    )  # of a proxy that looks inside TLS
    buildah.base(
        f"docker.io/library/python:{PYTHON}-slim",
        *((debian, "/"), *own),
        setup="ln -s python3 /usr/bin/python",
    )
    binary = Path(uv.find_uv_bin())
    buildah.base("ghcr.io/astral-sh/uv:0.13", (binary, "/uv"))
    yield buildah
    buildah("rm", "--all")
    buildah("rmi", "--all", "--force")


# Each framework, each package manager, with and without a database, and the processes of each queue.
SHAPES: list[variants.Answers] = [
    {"framework": "flask", "database": "none", "package_manager": "pip"},
    {"framework": "fastapi", "queue": "procrastinate", "package_manager": "uv"},
    {
        "framework": "litestar",
        "queue": "dramatiq",
        "clock": True,
        "database": "none",
        "package_manager": "uv",
    },
    {"framework": "django", "queue": "celery", "clock": True, "package_manager": "pip"},
]


@pytest.fixture(scope="module", params=SHAPES, ids=variants.label)
def image(
    request: pytest.FixtureRequest, buildah: Buildah, render: Render
) -> Iterator[tuple[Project, Path, Any]]:
    """Return a project, the root of its image as it is mounted, and what the image says of itself."""
    answers = {**request.param, "python_version": PYTHON, "platforms": ["docker"], "ci": "none"}
    project = Project(render(answers))
    (project.path / ".env").write_text("SECRET=swordfish\n")
    name = f"localhost/image-{SHAPES.index(request.param)}"
    options = ("--isolation=chroot", "--network=host", "--pull-never", "--format=docker", "--layers=false")
    buildah("bud", *options, "--build-arg", f"REVISION={REVISION}", "--tag", name, ".", cwd=project.path)
    says = json.loads(buildah("inspect", "--type=image", name))["Docker"]["config"]
    container = buildah("from", "--pull-never", name)
    yield project, Path(buildah("mount", container)), says
    buildah("umount", container)
    buildah("rm", container)
    (project.path / ".env").unlink()


@pytest.fixture(scope="module")
def services(
    image: tuple[Project, Path, Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[str]]:
    """Return the variables that name what the formation is attached to."""
    answers = image[0].answers()
    with contextlib.ExitStack() as stack:
        variables = [f"{name}={value}" for name, value in image[0].secrets.items()]
        if answers["database"] == "postgres":
            variables.append(f"DATABASE_URL={stack.enter_context(postgres.running()).url()}")
        if answers["queue"] in ON_REDIS:
            folder = tmp_path_factory.mktemp("redis")
            variables.append(f"REDIS_URL={stack.enter_context(redis.running(folder)).url}")
        yield variables


class Run(Protocol):
    """Runs a process type as the image would, by default what it starts itself."""

    def __call__(self, process: str = "") -> Service: ...


@pytest.fixture
def run(image: tuple[Project, Path, Any], services: list[str]) -> Iterator[Run]:
    """Return a function that runs a container."""
    project, root, says = image
    user, group = says["User"].split(":")
    environment = [*says["Env"], *services, "PORT=0", "SHUTDOWN_DRAIN_SECONDS=0.5"]
    script = CONTAINER.format(chroot=shutil.which("chroot"))
    isolation = ("unshare", "--mount", "--pid", "--fork", "/bin/sh", "-c", script, str(root))
    started = []

    def run(process: str = "") -> Service:
        command = [
            *("setpriv", f"--reuid={user}", f"--regid={group}", *UNTRUSTED),
            *("/usr/bin/env", "-i", "-C", says["WorkingDir"], *environment),
            *(project.procfile()[process] if process else says["Cmd"]),
        ]
        started.append(Service(project, Path("/usr"), {}, command, isolation))
        return started[-1]

    yield run
    for service in started:
        service.kill()


def test_the_image_says_what_it_is(image: tuple[Project, Path, Any]) -> None:
    project, _, says = image
    assert says["Cmd"] == project.procfile()["web"]
    assert says["User"] == "10001:10001"
    assert says["Labels"]["org.opencontainers.image.revision"] == REVISION
    assert says["ExposedPorts"].keys() == {"8000/tcp"}
    assert says["Healthcheck"]["Test"][0] == "CMD"


def test_only_what_is_needed_is_inside(image: tuple[Project, Path, Any]) -> None:
    """C-5, C-24: no secret, no tests, no tools; and everything is compiled already."""
    project, root, _ = image
    app = root / "app"
    named = {".venv", project.name, "pyproject.toml", "uv.lock", ".python-version", "requirements.txt"}
    if project.answers()["framework"] == "django":
        named |= {"manage.py", "staticfiles"}
    assert {path.name for path in app.iterdir()} <= named
    installed = {
        path.name for path in (app / ".venv" / "lib" / f"python{PYTHON}" / "site-packages").iterdir()
    }
    assert not installed & {"pytest", "ruff", "mypy", "honcho"}
    modules = {path.relative_to(app) for path in (app / project.name).rglob("*.py")}
    compiled = (path.relative_to(app) for path in (app / project.name).rglob("*.pyc"))
    assert modules == {path.parent.parent / f"{path.name.split('.')[0]}.py" for path in compiled}
    assert list((app / ".venv").rglob("structlog/__pycache__/stdlib.*.pyc"))


def test_it_serves_drains_and_ends(run: Run) -> None:
    """C-3, C-15: as process 1, as nobody, read-only, without capabilities."""
    container = run()
    port = container.port
    root = container.root
    facts = dict(line.split(":\t") for line in Path(f"/proc/{root}/status").read_text().splitlines())
    assert facts["Uid"].split() == ["10001"] * 4
    assert int(facts["CapEff"], 16) == int(facts["CapBnd"], 16) == 0
    assert facts["NSpid"].split()[-1] == "1"
    assert "ro" in next(
        line.split()[5].split(",")
        for line in Path(f"/proc/{root}/mountinfo").read_text().splitlines()
        if line.split()[4] == "/"
    )
    assert status(port, "/livez") == 200
    assert json.loads(Connection(port).get("/")[1])["version"] == REVISION
    began = time.monotonic()
    container.signal(signal.SIGTERM)
    assert container.wait() == 0, container.report()
    assert time.monotonic() - began < 5
    assert container.find("draining")
    assert container.find("stopped")
    assert not container.stderr.lines


def test_the_other_processes_run_too(image: tuple[Project, Path, Any], run: Run) -> None:
    """C-2, C-3, C-15: the same image, the same limits; `release` first."""
    processes = image[0].procfile()
    if "release" in processes:
        assert run("release").wait() == 0
    for process, event in (("worker", "working"), ("clock", "ticking")):
        if process in processes:
            container = run(process)
            container.wait_event(event)
            container.signal(signal.SIGTERM)
            assert container.wait() == 0, container.report()
            assert container.find("stopped")
            assert not container.stderr.lines


def test_health_is_asked_without_other_tools(image: tuple[Project, Path, Any], run: Run) -> None:
    """HEALTHCHECK passes while `web` answers, and fails when it does not."""
    _, root, says = image
    container = run()
    [_, *test] = says["Healthcheck"]["Test"]

    def check(port: int) -> int:
        inside = ["chroot", str(root), "/usr/bin/env", "-i", *says["Env"], f"PORT={port}", *test]
        return subprocess.run(inside, capture_output=True).returncode

    assert check(container.port) == 0
    container.signal(signal.SIGTERM)
    port = container.port
    assert container.wait() == 0
    assert check(port) != 0
