"""The migration to 2.0.0: uvicorn serves Flask and Django, and an update says what a service must change."""

from collections.abc import Callable

import pytest

from tests.support.git import commit_all
from tests.support.project import Project
from tests.test_update import edit, launch, released, update

__all__ = ["launch", "released"]  # pytest finds these fixtures here


@pytest.mark.parametrize("framework", ["flask", "django"])
def test_an_untouched_service_is_told_nothing(
    launch: Callable[..., Project], capfd: pytest.CaptureFixture[str], framework: str
) -> None:
    project = launch("1.0.0", "uv", framework=framework, database="postgres")
    update(project)
    assert "http.Bridge(app, threads=settings.web_threads)" in (project.package / "middleware.py").read_text()
    assert not (project.package / "runtime" / "gunicorn_worker.py").exists()
    assert "since 2.0.0" not in capfd.readouterr().err


def test_own_steps_are_told_of(launch: Callable[..., Project], capfd: pytest.CaptureFixture[str]) -> None:
    project = launch("1.0.0", "uv", framework="flask")
    edit(
        project.package / "middleware.py",
        r"^        # Your own go here.*\n",
        "\\g<0>        Mine,\n",
    )
    edit(project.package / "middleware.py", r"^from \.runtime import http$", "\\g<0>\nfrom .mine import Mine")
    (project.package / "mine.py").write_text("from .runtime.http import App as Mine\nimport gunicorn\n")
    commit_all(project.path, "Ours")
    update(project)
    told = capfd.readouterr().err
    assert "middleware.py has lines of your own" in told
    assert "mine.py:2: 'import gunicorn' is gone since 2.0.0" in told
