"""IX, disposability: whatever becomes of the workers, no job is ever lost."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Render, starting
from tests.support import chaos
from tests.support.jobs import PROBES, QUEUES, Queue, answers, attached
from tests.support.project import Project


@pytest.fixture(params=QUEUES)
def queue(request: pytest.FixtureRequest, render: Render, shared: Path, tmp_path: Path) -> Iterator[Queue]:
    """Return the jobs of a service, in a server of the test's own."""
    project = Project(render(answers(request.param))).copy(tmp_path / "project")
    project.append("jobs.py", PROBES[request.param])
    (tmp_path / "data").mkdir()
    with attached(project, shared, tmp_path / "data") as queue:
        yield queue


@pytest.mark.long
def test_chaos(queue: Queue) -> None:
    """C-16, the short form of `nox -s chaos`."""
    with starting(queue.project, queue.environment, queue.variables) as start:
        outcome = chaos.run(
            queue, lambda: start(process="worker"), jobs=60, events=8, kill=True, seed=1, patience=120
        )
    assert (outcome.lost, outcome.not_json) == (0, 0), outcome
    # SIGKILL between the end of a job and its acknowledgement has it done once more.
    assert outcome.ended_twice <= outcome.sent.count("kill"), outcome
    assert outcome.statuses <= {0, -signal.SIGKILL}, outcome
    assert outcome.longest_wait < chaos.MOST_SECONDS, outcome
