"""The sessions of this repository: `uvx nox -s tests` runs one; without `-s`, nox runs tests and lint."""

import sys
import tempfile
from pathlib import Path

import nox

nox.needs_version = ">=2025.10"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.sessions = ["tests", "lint"]

PYTHON = ">=3.12"
WORKERS = "6"  # for two cores, because most tests wait; see docs/decisions/0068-what-the-gate-runs.md


def install(session: nox.Session, group: str) -> None:
    """Install the launcher's dependencies and a group of pyproject.toml into the session's environment."""
    manifest = nox.project.load_toml("pyproject.toml")
    session.install(*manifest["project"]["dependencies"], *nox.project.dependency_groups(manifest, group))


@nox.session(python=PYTHON)
def tests(session: nox.Session) -> None:
    """Render services, start them and test them; pytest gets the arguments after `--`."""
    install(session, "tests")
    session.run("pytest", "-n", WORKERS, "--dist", "worksteal", *session.posargs)


@nox.session(python=PYTHON)
def variants(session: nox.Session) -> None:
    """Run every test on every combination of framework, database and queue (or `-- --framework NAME`)."""
    install(session, "tests")
    session.run("pytest", "-n", WORKERS, "--dist", "worksteal", "--variants=all", *session.posargs)


@nox.session(python=PYTHON)
def newest(session: nox.Session) -> None:
    """Run every test on every combination, with the newest copier and extension, not the pinned ones."""
    install(session, "tests")
    session.install("--upgrade", "copier", "copier-template-extensions")
    session.run("pytest", "-n", WORKERS, "--dist", "worksteal", "--variants=all", *session.posargs)


@nox.session(python=PYTHON)
def smoke(session: nox.Session) -> None:
    """Copy with the defaults, boot `web`, request /readyz and send SIGTERM; takes seconds, on macOS too."""
    install(session, "smoke")
    session.run("python", "-m", "tests.smoke")


@nox.session(python=PYTHON)
def lint(session: nox.Session) -> None:
    """Check the repository's own Python; the tests check the generated code."""
    install(session, "lint")
    session.run("ruff", "format", "--check")
    session.run("ruff", "check")
    session.run("mypy")


@nox.session(python=PYTHON)
def images(session: nox.Session) -> None:
    """Build the images and run them; needs root, buildah and mmdebstrap, and takes minutes."""
    install(session, "tests")
    session.run("pytest", "tests/platforms/images.py", *session.posargs)


@nox.session(python=PYTHON)
def pins(session: nox.Session) -> None:
    """Choose the versions of everything that the template pins, and write pins/pins.json."""
    install(session, "tests")
    session.run("python", "pins/resolve.py", *session.posargs)


@nox.session(python=False)
def release(session: nox.Session) -> None:
    """Tag each released commit that has no tag yet; copier finds versions by their tags."""
    session.run(sys.executable, "-m", "tests.tag")


@nox.session(python=PYTHON)
def preview(session: nox.Session) -> None:
    """Generate a service and run it until Ctrl-C; asks, or takes `-- --data framework=fastapi …`."""
    install(session, "tests")
    with tempfile.TemporaryDirectory(prefix="slipway-") as folder:
        project = Path(folder, "preview")
        answers = ["--defaults", *session.posargs] if session.posargs else []
        session.run("copier", "copy", "--trust", "--vcs-ref=HEAD", *answers, str(Path.cwd()), str(project))
        session.chdir(project)
        if Path("uv.lock").exists():
            session.run("uv", "sync", "--quiet", env={"UV_PROJECT_ENVIRONMENT": ".venv"})
        else:
            requirements = ("--require-hashes", "-r", "requirements-dev.txt")
            session.run("uv", "venv", "--quiet", ".venv")
            session.run("uv", "pip", "install", "--quiet", "--python", ".venv", *requirements)
        session.run(".venv/bin/python", "-m", "dev", external=True, interrupt_timeout=30)


@nox.session(python=PYTHON)
def first_hour(session: nox.Session) -> None:
    """Follow both READMEs literally, with an empty and a full cache; `-- flask` for one framework."""
    install(session, "tests")
    session.run("python", "-m", "tests.first_hour", *session.posargs)


@nox.session(python=PYTHON)
def bench(session: nox.Session) -> None:
    """Compare the speed of a service with a bare one; `-- hello --framework flask --rounds 3`."""
    install(session, "tests")
    session.run("python", "-m", "tests.bench", *session.posargs)


@nox.session(python=PYTHON)
def chaos(session: nox.Session) -> None:
    """Send signals to two workers at random, and count lost jobs; `-- --queue dramatiq --seed 1`."""
    install(session, "tests")
    session.run("python", "-m", "tests.chaos", *session.posargs)


@nox.session(python=PYTHON)
def attack(session: nox.Session) -> None:
    """Send invalid input to services, and count the outcomes; `-- raw --inputs 3000`."""
    install(session, "tests")
    session.run("python", "-m", "tests.attack", *session.posargs)


@nox.session(python=PYTHON)
def faults(session: nox.Session) -> None:
    """Break what services depend on, and count passing tests; `-- --group "Redis, web"`."""
    install(session, "tests")
    session.run("python", "-m", "tests.faults", *session.posargs)


@nox.session(python=PYTHON)
def updates(session: nox.Session) -> None:
    """Edit services of every release, update them, and count lost edits; `-- --sample 60 --jobs 2`."""
    install(session, "tests")
    session.run("python", "-m", "tests.updates", *session.posargs)


@nox.session(python=PYTHON)
def size(session: nox.Session) -> None:
    """Count the lines of the generated package, yours and runtime's, and write docs/size.md."""
    install(session, "tests")
    session.run("python", "-m", "tests.size")
