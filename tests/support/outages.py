"""What a client sees during an outage of Postgres, and after it (C-11, C-19)."""

import json
import time
from collections import defaultdict
from datetime import datetime
from itertools import pairwise

from .client import Connection, status
from .patience import SLACK
from .postgres import Server
from .relay import Relay
from .service import Event, Service, eventually

TERMINATE = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


def readiness(service: Service) -> tuple[int, dict[str, str]]:
    """Request /readyz and /livez. Assert that /readyz answers within a second, and /livez with 200."""
    port, began = service.port, time.monotonic()
    response, body = Connection(port).get("/readyz")
    assert time.monotonic() - began < 1 + SLACK
    assert status(port, "/livez") == 200
    return response.status, json.loads(body).get("failing", {})


def is_ready(service: Service) -> bool:
    """Tell whether the service is ready for requests."""
    return readiness(service)[0] == 200


def write(service: Service) -> int:
    """Write a note, and assert that this takes at most two seconds, even if it fails."""
    port, began = service.port, time.monotonic()
    response, body = Connection(port).post("/notes", {"text": "one"})
    assert time.monotonic() - began < 2 + SLACK
    if response.status == 503:
        assert response.headers["content-type"] == "application/problem+json"
        assert json.loads(body).keys() == {"title", "status", "request_id"}
    return response.status


def assert_away(service: Service, reason: str) -> None:
    """Assert what a client sees during an outage."""
    assert readiness(service) == (503, {"postgres": reason})
    assert write(service) == 503


def assert_back(service: Service) -> None:
    """Assert that the service recovers by itself."""
    eventually(lambda: is_ready(service), "readiness")
    assert write(service) == 201


def assert_told_calmly(service: Service) -> list[Event]:
    """Assert at most one event per cause and second, and no other warning or error. Return the events."""
    told = service.find("service unavailable")
    times = defaultdict(list)
    for event in told:
        times[event["reason"]].append(datetime.fromisoformat(event["timestamp"]).timestamp())
    for reason, moments in times.items():
        gaps = [later - earlier for earlier, later in pairwise(moments)]
        assert all(gap > 0.9 for gap in gaps), (reason, gaps)
    others = [event for event in service.events if event["level"] in ("warning", "error", "critical")]
    assert [event for event in others if event not in told] == [], service.report()
    return told


# Temporary faults of Postgres and of the network in front of it


def slow(_: Server, relay: Relay) -> None:
    """Delay responses, at first a little, then too long."""
    for relay.delay in (0.2, 10, 0):
        time.sleep(5)


def resetting(_: Server, relay: Relay) -> None:
    """Reset all connections repeatedly."""
    for _number in range(30):
        relay.reset()
        time.sleep(0.1)


def frozen(server: Server, _: Relay) -> None:
    """Do not respond."""
    with server.frozen():
        time.sleep(10)


def read_only(server: Server, _: Relay) -> None:
    """Refuse writes on open connections, as after a failover."""
    for statement in (
        "ALTER SYSTEM SET default_transaction_read_only = on",
        "ALTER SYSTEM RESET default_transaction_read_only",
    ):
        server.execute(statement)
        server.execute("SELECT pg_reload_conf()")
        time.sleep(10)


FAULTS = (slow, resetting, frozen, read_only)
