"""The migration to 1.0.0: a service keeps its own code, with the new names."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tasks.to_1_0 import own_processes
from tests.support.git import commit_all
from tests.support.project import Project, environment
from tests.test_update import edit, launch, released, update

__all__ = ["launch", "released"]  # pytest finds these fixtures here

SWEEP = '''

def sweep(settings: "Settings") -> int:
    """sweep up"""
    return settings.port


PROCESSES = {
    "sweep": sweep,
'''
JOB = '''

@queue.app.task
def mine() -> None:
    """Count, as ours does."""
    with queue.sessions.begin() as session:
        session.get(Note, 1)
'''


def test_own_processes_and_jobs_come_along(launch: Callable[..., Project], shared: Path) -> None:
    project = launch("0.8.1", "uv", queue="celery")
    edit(project.package / "__main__.py", r"\n\nPROCESSES = \{\n", SWEEP)
    with (project.path / "Procfile").open("a") as lines:
        lines.write(f"sweep: python -m {project.name} sweep\n")
    project.append("jobs.py", JOB)
    commit_all(project.path, "Ours")
    update(project)

    main = (project.package / "__main__.py").read_text()
    assert main.index("def sweep(") < main.index("PROCESS_TYPES = {") < main.index('"sweep": sweep,')
    jobs = (project.package / "jobs.py").read_text()
    assert "with transaction() as session:\n        session.get(Note, 1)" in jobs
    assert not list(project.path.glob(".slipway*"))
    python = str(environment(shared, project, dev=False) / "bin" / "python")
    listed = subprocess.run(
        [python, "-m", project.name, "--help"], cwd=project.path, capture_output=True, text=True, check=True
    )
    assert "sweep up" in listed.stdout
    loads = f"import {project.name}.jobs; print({project.name}.jobs.mine.name)"
    subprocess.run([python, "-c", loads], cwd=project.path, env={"PATH": os.environ["PATH"]}, check=True)


@pytest.mark.parametrize("quote", ["'", '"'])
def test_own_processes_are_found_in_either_quotes(quote: str) -> None:
    text = SWEEP.replace('"sweep"', f"{quote}sweep{quote}") + "    'web': web,\n}\n"
    found = own_processes(text)
    assert found
    left, processes = found
    assert "sweep" not in left
    assert list(processes) == ["sweep"]
