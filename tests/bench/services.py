"""The emitted services that are measured, each with its environment."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.project import Project, environment, render, run_uv
from tests.support.template import snapshot

from .sides import Side

BARE = Path(__file__).with_name("bare")
THREADS = 20  # WEB_THREADS of the emitted service
ON_WSGI = ("flask", "django")


@dataclass(frozen=True)
class Asked:
    """How much is to be measured."""

    rounds: int
    """How often the two sides take turns."""
    seconds: float
    """How long a round sends requests."""
    frameworks: Sequence[str]


@dataclass(frozen=True)
class Services:
    """Renders the template as the work tree has it, once for each set of answers."""

    folder: Path

    def template(self) -> Path:
        """Return a repository of the template."""
        found = self.folder / "template"
        if not found.exists():
            snapshot(found)
        return found

    def emitted(self, **answers: Any) -> Project:
        """Return a service."""
        project = Project(self.folder / "-".join(map(str, answers.values())))
        if not project.path.exists():
            render(self.template(), project.path, answers)
            shutil.copytree(BARE, project.path / "bare")
        return project

    def programs(self, project: Project) -> Path:
        """Return the folder of the programs that production installs, and of gunicorn beside them."""
        folder = environment(self.folder, project, dev=False)
        python = folder / "bin" / "python"
        if not (folder / "bin" / "gunicorn").exists():
            run_uv(project.path, "pip", "install", "--quiet", "--python", str(python), "gunicorn>=23")
        subprocess.run([python, "-m", "compileall", "-q", "."], cwd=project.path, check=True)
        return folder / "bin"

    def ours(self, project: Project, port: int, given: Mapping[str, str], process: str = "web") -> Side:
        """Return a process of the emitted service."""
        programs = self.programs(project)
        variables = {
            "PATH": str(programs),
            "PORT": str(port),
            "HOST": "127.0.0.1",
            **project.secrets,
            **given,
        }
        command = [str(programs / "python"), "-m", project.name, process]
        return Side(command, project.path, variables, port)

    def bare(
        self, project: Project, port: int, given: Mapping[str, str], module: str, log: bool = False
    ) -> Side:
        """Return the bare application on its usual server: uvicorn, or gunicorn with as many threads."""
        programs, framework = self.programs(project), str(project.answers()["framework"])
        workers = given.get("WEB_CONCURRENCY", "1")
        if framework in ON_WSGI:
            options = [
                "--worker-class=gthread",
                f"--threads={THREADS}",
                "--keep-alive=95",
                "--log-level=warning",
            ]
            options += [
                f"--bind=127.0.0.1:{port}",
                f"--workers={workers}",
                *(["--access-logfile=-"] if log else []),
            ]
            command = [str(programs / "gunicorn"), *options, f"{module}_{framework}:app"]
        else:
            options = [f"--port={port}", f"--workers={workers}", "--timeout-keep-alive=95"]
            options += [] if log else ["--no-access-log", "--log-level=warning"]
            command = [str(programs / "uvicorn"), *options, f"{module}_{framework}:app"]
        variables = {"PATH": f"{programs}{os.pathsep}{os.defpath}", "PYTHONPATH": ".", **given}
        return Side(command, project.path / "bare", variables, port)
