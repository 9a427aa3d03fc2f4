"""VI. Processes: stateless, and sharing nothing (C-3)."""

import pytest

from tests.conftest import Start
from tests.support.client import status
from tests.support.isolation import OWNING_NOTHING, needs

WORKERS = pytest.mark.parametrize("workers", ["1", "2"])


@WORKERS
def test_it_works_on_a_read_only_root_as_a_user_who_owns_nothing(start: Start, workers: str) -> None:
    """C-3: it writes nowhere, and needs no home; it also drains so."""
    needs(OWNING_NOTHING)
    service = start(isolation=OWNING_NOTHING, WEB_CONCURRENCY=workers, SHUTDOWN_DRAIN_SECONDS="0.2")
    assert [status(service.port, path) for path in ("/", "/print", "/boom", "/readyz")] == [
        200,
        200,
        500,
        200,
    ]
    service.terminate("all")
    assert service.wait() == 0
    assert not [event for event in service.events if event["level"] == "critical"]


@WORKERS
def test_copies_run_side_by_side(start: Start, workers: str) -> None:
    """C-3: from one folder, on one host; the end of one is nothing to the other."""
    one, other = (start(WEB_CONCURRENCY=workers, SHUTDOWN_DRAIN_SECONDS="0.1") for _ in range(2))
    assert status(one.port, "/") == status(other.port, "/") == 200
    one.terminate()
    assert one.wait() == 0
    assert status(other.port, "/") == 200
