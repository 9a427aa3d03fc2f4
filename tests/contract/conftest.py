"""The fixtures of this folder."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Render
from tests.support import variants
from tests.support.project import Project, environment

type Prove = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def emit(render: Render, tmp_path: Path) -> Callable[[variants.Answers], Project]:
    """Return a function that generates a service which a test may change."""

    def emitted(answers: variants.Answers) -> Project:
        return Project(render(answers)).copy(tmp_path / "project")

    return emitted


@pytest.fixture
def prove(request: pytest.FixtureRequest, shared: Path) -> Prove:
    """Return a function that runs a service's contract tests, by default all of them."""

    def run(project: Project, *files: str) -> subprocess.CompletedProcess[str]:
        development = environment(shared, project, dev=True)
        variables = {
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", "/"),
        }
        if project.has_database:
            variables["DATABASE_URL"] = request.getfixturevalue("postgres").url()
        if project.has_redis:
            variables["REDIS_URL"] = request.getfixturevalue("redis").url
        where = [f"tests/contract/{file}" for file in files] or ["tests/contract"]
        return subprocess.run(
            [str(development / "bin" / "pytest"), "-v", "--tb=short", "-p", "no:cacheprovider", *where],
            cwd=project.path,
            env=variables,
            capture_output=True,
            text=True,
        )

    return run
