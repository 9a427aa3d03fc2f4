"""VII. Port binding: the short form of `nox -s attack` (C-12, C-13, C-26).

tests/factors/test_07_limits.py has those of slow clients and of overload.
"""

import json

import pytest

from tests.attack import corpus, parts, raw, sound
from tests.attack.others import Health, Ordinary
from tests.support.client import send_raw
from tests.support.service import Service

EVERY = 3  # of the inputs by hand
HOSTS = {
    "none": b"",
    "two": b"Host: localhost\r\nHost: localhost\r\n",
    "several in one": b"Host: localhost, 127.0.0.1\r\n",
    "a user": b"Host: user@localhost\r\n",
    "a path": b"Host: localhost/notes\r\n",
    "no text": b"Host: \xff\r\n",
}
CLOSE = b"Connection: close\r\n"
VERSION, KEY = b"Sec-WebSocket-Version: 13\r\n", b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
OFFER = b"Connection: Upgrade\r\nUpgrade: websocket\r\n"


def refusal(service: Service, request: bytes) -> int:
    """Send what is refused, and return the status; it has id, document and access event."""
    head, _, body = send_raw(service.port, request).partition(b"\r\n\r\n")
    document = json.loads(body)
    assert f"x-request-id: {document['request_id']}" in head.decode().lower()
    event = service.wait_event("request", request_id=document["request_id"])
    assert event["status"] == document["status"] == int(head.split()[1])
    return int(event["status"])


def test_raw_inputs(web: Service) -> None:
    """No promise is broken, no request is smuggled, and no other client notices."""
    inputs = [each for each in corpus.by_hand() if each.kind != "unfinished"][::EVERY]
    with Ordinary(web.port, clients=2) as ordinary, Health(web.port) as health:
        outcomes = raw.attack_all(web.port, inputs, seed=1)
    assert [(each.input.data[:200], each.broken) for each in outcomes if each.broken] == []
    assert raw.smuggled(web) == 0
    assert ordinary.failures + health.failures == []
    assert raw.told(web) == []
    assert web.process.poll() is None


@pytest.mark.parametrize("host", HOSTS)
def test_a_host_that_is_none(web: Service, host: str) -> None:
    """C-13: HTTP/1.1 demands one (RFC 9112, section 3.2); of two, a proxy may take the other."""
    assert refusal(web, b"GET / HTTP/1.1\r\n" + HOSTS[host] + CLOSE + b"\r\n") == 400


@pytest.mark.asgi
@pytest.mark.parametrize(
    "headers",
    [
        OFFER,
        OFFER + VERSION + b"Sec-WebSocket-Key: short\r\n",
        OFFER + KEY + b"Sec-WebSocket-Version: 99\r\n",
        OFFER + KEY + VERSION + b"X-Many: a\r\n" * 200,
        OFFER + KEY + VERSION + b"X-Long: " + b"a" * 9000 + b"\r\n",
    ],
    ids=["bare", "key", "version", "many", "long"],
)
def test_a_handshake_that_is_unsound(web: Service, headers: bytes) -> None:
    """C-13: the websocket's own library would answer without id and document, or never."""
    assert refusal(web, sound.get(b"/ws", headers)) == 400


@pytest.mark.asgi
def test_an_offer_behind_a_request_that_runs(web: Service) -> None:
    """C-10: is not taken, as the answers to both would be mixed; the connection serves on."""
    answers = send_raw(web.port, sound.get(b"/slow?seconds=0.3") + parts.HANDSHAKE + parts.LAST)
    first, second, last = (part[:3] for part in answers.split(b"HTTP/1.1 ")[1:])
    assert (first, last) == (b"200", b"404")
    assert second in (b"404", b"405")  # Litestar knows the path


def test_what_a_framework_suspects_is_no_error(web: Service) -> None:
    """C-22: Django would log an error with a traceback; the rest takes as many parameters as come."""
    send_raw(web.port, sound.get(b"/notes?" + b"a=1&" * 5000, CLOSE))
    assert raw.told(web) == []
