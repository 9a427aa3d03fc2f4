"""Rendered projects, and the environments that their locks describe."""

import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import copier
import yaml
from filelock import FileLock

from extensions import pins
from extensions.options import ON_REDIS

from .routes import DATABASE_ROUTES, LIFESPANS, ROUTES
from .template import HEAD
from .variants import IDENTITY, Answers, python_version

LOCKS = ("uv.lock", "requirements.txt", "requirements-dev.txt")
PROCFILE_LINE = re.compile(r"(?P<type>[a-z][a-z0-9-]*): (?P<command>.+)")


def once(path: Path, make: Callable[[Path], None]) -> Path:
    """Make something at `path`, once among all workers of pytest-xdist."""
    path.parent.mkdir(parents=True, exist_ok=True)
    done = path.with_name(f"{path.name}.done")
    with FileLock(path.with_name(f"{path.name}.lock")):
        if not done.exists():
            shutil.rmtree(path, ignore_errors=True)
            make(path)
            done.touch()
    return path


def key(*parts: Any) -> str:
    """Return a short name for what depends on `parts`."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:12]


def render(template: Path, to: Path, answers: Answers, **options: Any) -> None:
    """Run `copier copy --defaults --trust`."""
    data = {**IDENTITY, "python_version": python_version(), **answers}
    options = {"defaults": True, "unsafe": True, "quiet": True} | options
    copier.run_copy(str(template), to, data=data, **options)


def update(project: Path, answers: Answers) -> None:
    """Run `copier update --defaults --trust` to the template as it stands in the work tree."""
    copier.run_update(
        project, data=dict(answers), defaults=True, overwrite=True, unsafe=True, quiet=True, vcs_ref=HEAD
    )


@dataclass(frozen=True)
class Project:
    """An emitted project."""

    path: Path

    def answers(self) -> dict[str, Any]:
        """Return what copier wrote down."""
        written: dict[str, Any] = yaml.safe_load((self.path / ".copier-answers.yml").read_text())
        return written

    def manifest(self) -> dict[str, Any]:
        """Return the `project` table of pyproject.toml."""
        read: dict[str, Any] = tomllib.loads((self.path / "pyproject.toml").read_text())["project"]
        return read

    @property
    def name(self) -> str:
        """The package's import name."""
        return str(self.answers()["package"])

    @property
    def package(self) -> Path:
        """The package's folder."""
        return self.path / self.name

    @property
    def has_database(self) -> bool:
        """Whether it keeps anything."""
        return str(self.answers()["database"]) != "none"

    @property
    def has_queue(self) -> bool:
        """Whether it has jobs."""
        return str(self.answers()["queue"]) != "none"

    @property
    def has_redis(self) -> bool:
        """Whether its jobs wait in Redis."""
        return str(self.answers()["queue"]) in ON_REDIS

    @property
    def secrets(self) -> dict[str, str]:
        """What it cannot do without, and no backing service gives."""
        key = {"SECRET_KEY": "of the tests, and of nothing else"}
        return key if self.answers()["framework"] == "django" else {}

    @property
    def invalid(self) -> int:
        """The status with which its framework answers what it can read but not accept."""
        return 400 if self.answers()["framework"] == "litestar" else 422

    def procfile(self) -> dict[str, list[str]]:
        """Return the command of each process type."""
        lines = (self.path / "Procfile").read_text().splitlines()
        matches = [PROCFILE_LINE.fullmatch(line) for line in lines]
        return {match["type"]: shlex.split(match["command"]) for match in matches if match}

    def readme_commands(self, pattern: str) -> list[list[str]]:
        """Return the commands of README.md that match, without what runs them in the environment."""
        text = (self.path / "README.md").read_text()
        blocks = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        lines = (line.removeprefix("uv run ") for block in blocks for line in block.splitlines())
        return [shlex.split(line) for line in lines if re.search(pattern, line)]

    def copy(self, to: Path) -> "Project":
        """Return a copy that a test may change."""
        shutil.copytree(self.path, to, symlinks=True, ignore=shutil.ignore_patterns(".venv", "__pycache__"))
        return Project(to)

    def append(self, file: str, text: str) -> None:
        """Append to a file of the package, as a user would."""
        with (self.package / file).open("a") as lines:
            lines.write(text)

    def add_routes(self) -> None:
        """Give the service the routes that the tests talk to."""
        framework = str(self.answers()["framework"])
        self.append(
            "routes.py", ROUTES[framework] + (DATABASE_ROUTES[framework] if self.has_database else "")
        )

    def add_lifespan(self, start: str = "pass", stop: str = "pass") -> None:
        """Give the service something to do at its start, and at its end."""
        self.append("app.py", LIFESPANS[str(self.answers()["framework"])].format(start=start, stop=stop))


def environment(projects: Path, project: Project, *, dev: bool) -> Path:
    """Return the environment that the project's lock describes, made once for each lock."""
    locks = [(project.path / name).read_text() for name in LOCKS if (project.path / name).exists()]
    name = f"env-{'dev' if dev else 'run'}-{key(locks, sys.executable)}"
    if (project.path / "uv.lock").exists():
        return once(projects / name, lambda to: _sync(project, to, dev))
    return once(projects / name, lambda to: _pip_install(project, to, dev))


def union(projects: Path) -> Path:
    """Return an environment with all that any project's lock describes, made once."""
    return once(projects / "env-union", _install_union)


def run_uv(where: Path, *arguments: str, **variables: str) -> str:
    """Run uv in a folder, and return what it prints."""
    uv = shutil.which("uv") or "uv"
    done = subprocess.run(
        [uv, *arguments], cwd=where, env=os.environ | variables, capture_output=True, text=True
    )
    assert done.returncode == 0, f"uv {' '.join(arguments)}\n{done.stdout}{done.stderr}"
    return done.stdout


def _sync(project: Project, to: Path, dev: bool) -> None:
    only = [] if dev else ["--no-dev"]
    command = ["sync", "--locked", "--quiet", "--python", sys.executable, *only]
    run_uv(project.path, *command, UV_PROJECT_ENVIRONMENT=str(to))


def _pip_install(project: Project, to: Path, dev: bool) -> None:
    run_uv(project.path, "venv", "--quiet", "--python", sys.executable, str(to))
    files = ["requirements.txt", *(["requirements-dev.txt"] if dev else [])]
    sources = [part for file in files for part in ("-r", file)]
    run_uv(project.path, "pip", "install", "--quiet", "--require-hashes", *sources, "--python", str(to))


def _install_union(to: Path) -> None:
    run_uv(to.parent, "venv", "--quiet", "--python", sys.executable, str(to))
    pinned = to.with_name("requirements-union.txt")
    pinned.write_text("\n".join(pins.requirements(pins.closure(pins.PINS["groups"]))))
    command = ["pip", "install", "--quiet", "--require-hashes", "-r", str(pinned), "--python", str(to)]
    run_uv(to.parent, *command)
