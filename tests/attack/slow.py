"""Clients that are slow, while ordinary ones ask."""

import socket
import time
from contextlib import ExitStack
from dataclasses import dataclass

from extensions.context import ON_WSGI
from tests.support import variants
from tests.support.service import Service

from . import sound
from .others import Health, Ordinary

ON_ASGI = tuple(each for each in variants.choices()["framework"] if each not in ON_WSGI)
PATIENCE = 100.0  # seconds until all should have been closed: 70 kB give a body 70 s
HALF_HEAD = b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Half: "
POST = b"POST /echo HTTP/1.1\r\nHost: localhost\r\n"
HALF_BODY = POST + b"Content-Length: 100\r\n\r\n{"
NO_BODY = POST + b"Expect: 100-continue\r\nContent-Length: 100\r\n\r\n"
LONG_BODY = POST + b"Content-Length: 1000000\r\n\r\n" + b"{" * 70_000
BIG, STREAM = sound.get(b"/big"), sound.get(b"/export")
WEBSOCKET = sound.get(b"/ws/flood", sound.WEBSOCKET)


@dataclass(frozen=True)
class Kind:
    """A kind of slow clients."""

    about: str
    sends: bytes
    reason: str
    """What the event says that tells of the end of such a client."""
    counts: tuple[int, ...]
    frameworks: tuple[str, ...] = ON_ASGI + ON_WSGI


KINDS = (
    Kind("unfinished heads", HALF_HEAD, "its head does not come", (20, 200)),
    Kind("unfinished bodies", HALF_BODY, "its body does not come", (20, 200)),
    Kind("bodies that wait for a 100", NO_BODY, "its body does not come", (200,)),
    Kind("bodies of 1 MB, after 70 kB", LONG_BODY, "its body does not come", (200,)),
    Kind("clients that do not read", BIG, "it does not read", (20, 60)),
    Kind("clients that do not read a stream", STREAM, "it does not read", (40,), ON_WSGI),
    Kind("websockets that do not read", WEBSOCKET, "it does not read", (60,), ON_ASGI),
)


@dataclass(frozen=True)
class Outcome:
    """What has come of some slow clients."""

    about: str
    count: int
    closed: int
    """How many of them the service has closed, and told of."""
    served: int
    """How many ordinary requests were answered meanwhile."""
    lost: list[str]
    health: Health


def connect(port: int, data: bytes) -> socket.socket:
    """Connect with a small buffer for what is received, and send this."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.connect(("127.0.0.1", port))
    sock.sendall(data)
    return sock


def closed(service: Service, kind: Kind) -> int:
    """Count the events that tell of such clients."""
    return sum(kind.reason.encode() in line for line in list(service.stdout.lines))


def delay(service: Service, kind: Kind, count: int) -> Outcome:
    """Have so many slow clients until the service has closed all of them."""
    port, before, end = service.port, closed(service, kind), time.monotonic() + PATIENCE
    with ExitStack() as stack, Ordinary(port) as ordinary, Health(port) as health:
        for _ in range(count):
            stack.enter_context(connect(port, kind.sends))
        while (found := closed(service, kind) - before) < count and time.monotonic() < end:
            time.sleep(0.2)
    return Outcome(kind.about, count, found, ordinary.served, ordinary.failures, health)
