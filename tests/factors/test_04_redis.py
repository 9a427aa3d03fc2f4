"""IV. Backing services: a Redis that refuses, or that another has replaced (C-11, C-19)."""

import json
import time
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.conftest import Render
from tests.factors.conftest import Jobs
from tests.support import redis, variants
from tests.support.client import Connection, status
from tests.support.patience import SLACK
from tests.support.project import Project
from tests.support.relay import Relay
from tests.support.service import Service, eventually

pytestmark = pytest.mark.every_database

# Those whose requests need Redis itself: with a database, jobs wait in its outbox.
QUEUED = [row for row in variants.bootable(database="none") if row["queue"] != "none"]
REASONS = {
    "OOM": "out of memory",
    "READONLY": "read-only",
    "NOPERM": "access denied",
    "MISCONF": "cannot save",
    "BUSY": "busy with a script",
    "LOADING": "loading its data",
}


@pytest.fixture(scope="module", params=QUEUED, ids=variants.label)
def project(request: pytest.FixtureRequest, render: Render) -> Project:
    """Return a service that keeps its jobs in Redis, and nothing else."""
    return Project(render(request.param))


def enqueue(web: Service) -> int:
    """Send the request that enqueues a job, which is answered within two seconds, whatever comes of it."""
    port, began = web.port, time.monotonic()
    response, body = Connection(port).post("/greetings", {"name": "Ada"})
    assert time.monotonic() - began < 2 + SLACK
    if response.status == 503:
        assert json.loads(body).keys() == {"title", "status", "request_id"}
        assert response.headers["retry-after"]
    return response.status


def failing(web: Service) -> dict[str, str]:
    """Return what /readyz says of the services that fail; /livez answers in any case."""
    _, body = Connection(web.port).get("/readyz")
    assert status(web.port, "/livez") == 200
    found: dict[str, str] = json.loads(body).get("failing", {})
    return found


def refusing(server: redis.Server, error: str) -> AbstractContextManager[None]:
    """Let Redis answer with this error during the block."""
    return server.loading() if error == "LOADING" else server.answering(error)


@pytest.mark.parametrize("error", REASONS)
def test_web_says_so_whatever_redis_answers(jobs: Jobs, server: redis.Server, error: str) -> None:
    """C-11, C-19: in /readyz, by a 503 with Retry-After, and it recovers by itself."""
    web = jobs.start()
    assert enqueue(web) == 202
    with refusing(server, error):
        eventually(lambda: failing(web) == {"redis": REASONS[error]}, f"word of {error}")
        assert enqueue(web) == 503
    eventually(lambda: failing(web) == {}, "readiness")
    assert enqueue(web) == 202
    assert not [event for event in web.events if event["level"] == "critical" or "exception" in event]


def test_a_frozen_redis_holds_nobody(jobs: Jobs, server: redis.Server) -> None:
    """C-19: with connections that stand, and without."""
    web = jobs.start()
    assert enqueue(web) == 202
    with server.frozen():
        for _ in range(3):
            assert enqueue(web) == 503
    assert enqueue(web) == 202


def test_connections_that_survive_a_failover(jobs: Jobs, server: redis.Server, tmp_path: Path) -> None:
    """C-19: the old primary is a replica now; the next connection leads to the new one."""
    (tmp_path / "other").mkdir()
    with redis.running(tmp_path / "other") as other, Relay(server.port) as relay:
        given = {"REDIS_URL": f"redis://127.0.0.1:{relay.port}/0"}
        web, worker = jobs.start(given=given), jobs.worker(**given)
        assert enqueue(web) == 202
        worker.wait_event("job", outcome="succeeded")
        relay.target = other.port
        server.client.replicaof("127.0.0.1", str(other.port))
        eventually(lambda: server.client.info("replication")["role"] == "slave", "demotion")
        assert failing(web) == {}
        assert enqueue(web) == 202
        worker.wait_event("job", outcome="succeeded", count=2)


@pytest.mark.variants
def test_a_network_that_is_slow_and_resets(jobs: Jobs, server: redis.Server) -> None:
    """C-19: what is late is served as long as it comes in time; a reset costs the requests that it met."""
    with Relay(server.port) as relay:
        web = jobs.start(given={"REDIS_URL": f"redis://127.0.0.1:{relay.port}/0"})
        assert enqueue(web) == 202
        relay.delay = 0.1
        assert enqueue(web) == 202
        assert failing(web) == {}
        relay.delay = 5
        for _ in range(3):
            assert enqueue(web) == 503
            assert failing(web) == {"redis": "no answer in time"}
        relay.delay = 0
        eventually(lambda: failing(web) == {}, "readiness")
        for _ in range(10):
            relay.reset()
            assert enqueue(web) in (202, 503)
        eventually(lambda: enqueue(web) == 202, "recovery")
