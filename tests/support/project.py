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
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import copier
import yaml
from copier._main import Worker
from filelock import FileLock

from extensions import pins
from extensions.options import ON_REDIS

from .routes import DATABASE_ROUTES, LIFESPANS, ROUTES
from .template import HEAD
from .variants import IDENTITY, Answers, python_version

LOCKS = ("uv.lock", "requirements.txt", "requirements-dev.txt")
PROCFILE_LINE = re.compile(r"(?P<type>[a-z][a-z0-9-]*): (?P<command>.+)")


def once(path: Path, make: Callable[[Path], None]) -> Path:
    """Make something at `path`, only once for all workers of pytest-xdist."""
    path.parent.mkdir(parents=True, exist_ok=True)
    done = path.with_name(f"{path.name}.done")
    with FileLock(path.with_name(f"{path.name}.lock")):
        if not done.exists():
            shutil.rmtree(path, ignore_errors=True)
            make(path)
            done.touch()
    return path


def key(*parts: Any) -> str:
    """Return a short name that is unique for these `parts`."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:12]


def render(template: Path, to: Path, answers: Answers, **options: Any) -> None:
    """Run `copier copy --defaults --trust`."""
    data = {**IDENTITY, "python_version": python_version(), **answers}
    options = {"defaults": True, "unsafe": True, "quiet": True} | options
    copier.run_copy(str(template), to, data=data, **options)


def let_copier_ask_git_less() -> None:
    """For each file, copier asks git whether it keeps modes. It does where these tests run."""
    Worker._sync_git_index_executable_bit = lambda *_: None  # type: ignore[method-assign]


def update(project: Path, answers: Answers, version: str = HEAD) -> None:
    """Run `copier update --defaults --trust`, by default to the template as it stands in the work tree."""
    copier.run_update(
        project, data=dict(answers), defaults=True, overwrite=True, unsafe=True, quiet=True, vcs_ref=version
    )


@dataclass(frozen=True)
class Project:
    """A generated project."""

    path: Path

    def answers(self) -> dict[str, Any]:
        """Return the answers that copier has stored."""
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
        """Whether it has a database."""
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
        """The required variables that do not belong to a backing service."""
        key = {"SECRET_KEY": "of the tests, and of nothing else"}
        return key if self.answers()["framework"] == "django" else {}

    @property
    def invalid(self) -> int:
        """The status of its framework for input that is well-formed but invalid."""
        return 400 if self.answers()["framework"] == "litestar" else 422

    def procfile(self) -> dict[str, list[str]]:
        """Return the command of each process type."""
        lines = (self.path / "Procfile").read_text().splitlines()
        matches = [PROCFILE_LINE.fullmatch(line) for line in lines]
        return {match["type"]: shlex.split(match["command"]) for match in matches if match}

    def section(self, title: str) -> str:
        """Return the text of a section of README.md."""
        readme = (self.path / "README.md").read_text()
        [text] = re.findall(rf"^## {title}\n(.*?)(?=^## )", readme, re.MULTILINE | re.DOTALL)
        return str(text)

    def blocks(self, title: str, language: str) -> list[str]:
        """Return a section's code blocks in a language."""
        return re.findall(rf"^```{language}\n(.*?)^```", self.section(title), re.MULTILINE | re.DOTALL)

    def readme_commands(self, title: str, pattern: str) -> list[list[str]]:
        """Return a section's commands that match, without the prefix that runs them in the environment."""
        lines = "".join(self.blocks(title, "sh")).splitlines()
        lines = [line.removeprefix("uv run ") for line in lines]
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
        """Add the routes that the tests request."""
        framework = str(self.answers()["framework"])
        self.append(
            "routes.py", ROUTES[framework] + (DATABASE_ROUTES[framework] if self.has_database else "")
        )

    def add_lifespan(self, start: str = "pass", stop: str = "pass") -> None:
        """Add code to the service that runs when it starts and when it stops."""
        self.append("app.py", LIFESPANS[str(self.answers()["framework"])].format(start=start, stop=stop))


def edited(emitted: Project, projects: Path, name: str, edit: Callable[[Project], None]) -> Project:
    """Return a copy with an edit, which has this name among the edits. It is made once for all workers."""
    folder = projects / f"{name}-{key(emitted.answers())}" / "project"
    return Project(once(folder, lambda to: edit(emitted.copy(to))))


def environment(projects: Path, project: Project, *, dev: bool) -> Path:
    """Return the environment that the project's lock describes. It is made once for each lock."""
    locks = [(project.path / name).read_text() for name in LOCKS if (project.path / name).exists()]
    name = f"env-{'dev' if dev else 'run'}-{key(locks, sys.executable)}"
    install = _sync if (project.path / "uv.lock").exists() else _pip_install

    def make(to: Path) -> None:
        install(project, to, dev)
        _link_bytecode(to, (each for each in projects.glob("env-*") if each != to))

    return once(projects / name, make)


def union(projects: Path) -> Path:
    """Return an environment with the packages of all projects' locks. It is made once."""
    return once(projects / "env-union", _install_union)


def run_uv(where: Path, *arguments: str, **variables: str) -> str:
    """Run uv in a folder, and return what it prints."""
    uv = shutil.which("uv") or "uv"
    done = subprocess.run(
        [uv, *arguments], cwd=where, env=os.environ | variables, capture_output=True, text=True
    )
    assert done.returncode == 0, (
        f"{done.returncode} from uv {' '.join(arguments)}\n{done.stdout}{done.stderr}"
    )
    return done.stdout


def _sync(project: Project, to: Path, dev: bool) -> None:
    only = [] if dev else ["--no-dev"]
    command = ["sync", "--locked", "--python", sys.executable, *only]
    run_uv(project.path, *command, UV_PROJECT_ENVIRONMENT=str(to))


def _pip_install(project: Project, to: Path, dev: bool) -> None:
    run_uv(project.path, "venv", "--python", sys.executable, str(to))
    files = ["requirements.txt", *(["requirements-dev.txt"] if dev else [])]
    sources = [part for file in files for part in ("-r", file)]
    run_uv(project.path, "pip", "install", "--require-hashes", *sources, "--python", str(to))


def _link_bytecode(to: Path, others: Iterable[Path]) -> None:
    """Give an environment what the most similar one has compiled, because compiling takes longer than a boot.

    uv links the files of its cache, so both environments have the same file. If uv copies, nothing is linked.
    """

    def packages(environment: Path) -> set[str]:
        return {each.name for each in environment.glob("lib/*/site-packages/*.dist-info")}

    wanted = packages(to)
    nearest = max(others, key=lambda other: len(packages(other) & wanted), default=to)
    for compiled in nearest.glob("lib/*/site-packages/**/__pycache__/*.pyc"):
        target = to / compiled.relative_to(nearest)
        source, same = (
            each.parent.with_name(f"{each.name.partition('.')[0]}.py") for each in (target, compiled)
        )
        if not target.exists() and source.exists() and source.samefile(same):
            target.parent.mkdir(exist_ok=True)
            os.link(compiled, target)


def _install_union(to: Path) -> None:
    run_uv(to.parent, "venv", "--python", sys.executable, str(to))
    pinned = to.with_name("requirements-union.txt")
    pinned.write_text("\n".join(pins.requirements(pins.closure(pins.PINS["groups"]))))
    command = ["pip", "install", "--require-hashes", "-r", str(pinned), "--python", str(to)]
    run_uv(to.parent, *command)
