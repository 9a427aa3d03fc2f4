"""More connections than a process can serve at once."""

from dataclasses import dataclass

from tests.bench.load import Order, get, post, send
from tests.support.service import Service

from .others import Health

REQUESTS = [post("/notes", '{"text": "a few words"}'), get("/notes/1"), get("/")]


@dataclass(frozen=True)
class Outcome:
    """What has come of so many connections, each with one request after the other."""

    connections: int
    seconds: float
    answered: int
    """With a status below 500."""
    refused: int
    """With 503, before work was done for it."""
    failed: int
    """With any other 5xx, or not at all."""
    health: Health


def overload(service: Service, connections: int, seconds: float) -> Outcome:
    """Ask over so many connections at once."""
    port = service.port
    with Health(port) as health:
        result = send(Order(port, REQUESTS, connections, seconds))
    answered = sum(count for status, count in result.statuses.items() if status < "500")
    refused = result.statuses.get("503", 0)
    failed = sum(result.statuses.values()) - answered - refused
    return Outcome(connections, result.seconds, answered, refused, failed, health)
