"""Every habit of this repository is a session: `uvx nox -s tests`, or without `-s`, tests and lint."""

import sys
import tempfile
from pathlib import Path

import nox

nox.needs_version = ">=2025.10"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.sessions = ["tests", "lint"]

PYTHON = ">=3.12"


def install(session: nox.Session, group: str) -> None:
    """Install the launcher's dependencies and a group of pyproject.toml into the session's environment."""
    manifest = nox.project.load_toml("pyproject.toml")
    session.install(*manifest["project"]["dependencies"], *nox.project.dependency_groups(manifest, group))


@nox.session(python=PYTHON)
def tests(session: nox.Session) -> None:
    """Render, start, and question what the template emits; `-- ARGUMENTS` go to pytest."""
    install(session, "tests")
    session.run("pytest", "-n", "4", "--dist", "worksteal", *session.posargs)  # for most of them wait


@nox.session(python=PYTHON)
def variants(session: nox.Session) -> None:
    """Boot every combination of framework, database and queue; `-- --framework NAME` for one of them."""
    install(session, "tests")
    where = ("tests/factors", "tests/test_render.py")
    session.run("pytest", "-n", "4", "--dist", "worksteal", "--variants=all", *where, *session.posargs)


@nox.session(python=PYTHON)
def newest(session: nox.Session) -> None:
    """Run every test on every combination, with the newest copier and extension, not the pinned ones."""
    install(session, "tests")
    session.install("--upgrade", "copier", "copier-template-extensions")
    session.run("pytest", "-n", "4", "--dist", "worksteal", "--variants=all", *session.posargs)


@nox.session(python=PYTHON)
def smoke(session: nox.Session) -> None:
    """Copy the defaults, boot `web`, ask /readyz and send SIGTERM: Linux and macOS, in seconds."""
    install(session, "smoke")
    session.run("python", "-m", "tests.smoke")


@nox.session(python=PYTHON)
def lint(session: nox.Session) -> None:
    """Check the repository's own Python; what the template emits is checked by the tests."""
    install(session, "lint")
    session.run("ruff", "format", "--check")
    session.run("ruff", "check")
    session.run("mypy")


@nox.session(python=PYTHON)
def images(session: nox.Session) -> None:
    """Build the images and run them, where there are root, buildah and mmdebstrap; takes minutes."""
    install(session, "tests")
    session.run("pytest", "tests/platforms/images.py", *session.posargs)


@nox.session(python=PYTHON)
def pins(session: nox.Session) -> None:
    """Choose the versions of everything that the template emits, and write pins/pins.json."""
    install(session, "tests")
    session.run("python", "pins/resolve.py", *session.posargs)


@nox.session(python=False)
def release(session: nox.Session) -> None:
    """Tag each released commit that has no tag yet; copier finds versions by their tags."""
    session.run(sys.executable, "-m", "tests.tag")


@nox.session(python=PYTHON)
def preview(session: nox.Session) -> None:
    """Emit a variant and run it until Ctrl-C: asks which, or takes `-- --data framework=fastapi …`."""
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
def bench(session: nox.Session) -> None:
    """Measure what a service costs beside a bare one; `-- hello --framework flask --rounds 3`."""
    install(session, "tests")
    session.run("python", "-m", "tests.bench", *session.posargs)


@nox.session(python=PYTHON)
def chaos(session: nox.Session) -> None:
    """Send two workers signals at random, and count what is lost; `-- --queue dramatiq --seed 1`."""
    install(session, "tests")
    session.run("python", "-m", "tests.chaos", *session.posargs)


@nox.session(python=PYTHON)
def updates(session: nox.Session) -> None:
    """Edit services of every release, update them, and count what is lost; `-- --sample 60 --jobs 2`."""
    install(session, "tests")
    session.run("python", "-m", "tests.updates", *session.posargs)


@nox.session(python=PYTHON)
def size(session: nox.Session) -> None:
    """Count the lines of the emitted package, yours and runtime's, and write docs/size.md."""
    install(session, "tests")
    session.run("python", "-m", "tests.size")
