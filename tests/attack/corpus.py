"""The raw inputs: what is written here by hand, and as many mutations of sound requests as are asked for.

`SMUGGLED` stands where only a server that misreads the message before it would answer it.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from . import framing, sound
from .parts import (
    BODIES,
    FRAMES,
    HANDSHAKE,
    HEADERS,
    HOST,
    HOSTS,
    JSON,
    LINES,
    TARGETS,
    TYPES,
    UNFINISHED,
    UPGRADES,
)


@dataclass(frozen=True)
class Input:
    """Bytes for one connection. After them comes `LAST`, so that each connection ends."""

    kind: str
    data: bytes
    answers: int | None = None
    """The most answers that it may get, without that to `LAST`; None if nobody knows."""
    pieces: bool = False
    """Whether to send it in small pieces."""
    then: bytes = b""
    """What to send once something has come back."""


def by_hand() -> Iterator[Input]:
    """Yield what is written here, in an order that stays the same."""
    for line in LINES:
        yield Input("request line", line + b"\r\n" + HOST + b"\r\n", 1)
    for target in TARGETS:
        yield Input("target", sound.get(target), 1)
        yield Input("target", sound.post(JSON, body=b'{"text": "a"}', target=target), 1)
    for headers in HEADERS:
        yield Input("header", sound.get(b"/", headers), 1)
        yield Input("header", sound.post(headers, body=b"a body"), 1)
    for host in HOSTS:
        yield Input("host", b"GET / HTTP/1.1\r\n" + host + b"\r\n", 1)
    for data in framing.ambiguous():
        yield Input("framing", data, 1)
    for data in framing.chunked_badly():
        yield Input("chunks", data, 1)
    for data in framing.chunked_well():
        yield Input("chunks", data, 1, pieces=True)
    for kind in TYPES:
        for body in BODIES if kind == TYPES[0] else BODIES[::6]:
            for path in (b"/orders", b"/notes"):
                headers = b"Content-Type: " + kind + b"\r\n"
                yield Input("document", sound.post(headers, body=body, target=path), 1)
    for offer in UPGRADES:
        yield Input("upgrade", sound.get(b"/", offer), 1)
        yield Input("upgrade", sound.post(offer, body=b"a body"), 1)
        yield Input("upgrade", sound.get(b"/ws", offer), 1)
    for frame in FRAMES:
        yield Input("websocket", HANDSHAKE, 2, then=frame)
    yield Input("upgrade", sound.get(b"/ws?" + b"a" * 9000, sound.WEBSOCKET), 1)
    yield Input("pipeline", sound.get(b"/") * 3 + HANDSHAKE, 4)
    for data, answers in framing.pipelines():
        yield Input("pipeline", data, answers)
    for data in UNFINISHED:
        yield Input("unfinished", data, 1)


def mutations(seed: int) -> Iterator[Input]:
    """Yield sound requests in which bytes were changed, without end."""
    chance = random.Random(seed)
    whole = [*sound.requests(), HANDSHAKE]
    while True:
        data = bytearray(b"".join(chance.choices(whole, k=chance.choice((1, 1, 2, 3)))))
        for _ in range(chance.choice((1, 1, 2, 4, 8))):
            _change(data, chance)
        yield Input("mutation", bytes(data), pieces=chance.random() < 0.3)


def _change(data: bytearray, chance: random.Random) -> None:
    at = chance.randrange(len(data) + 1)
    end = min(len(data), at + chance.randrange(1, 12))
    odd = (
        b"\x00",
        b"\r",
        b"\n",
        b"\r\n",
        b"\r\n\r\n",
        b" ",
        b":",
        b"\xff",
        b"\t",
        b"0",
        b"-",
        b",",
        b";",
        b"%",
    )
    match chance.randrange(6):
        case 0:
            data[at:end] = b""
        case 1:
            data[at:at] = chance.choice(odd)
        case 2:
            data[at:end] = chance.choice(odd)
        case 3:
            data[at:at] = data[at:end] * chance.choice((1, 2, 100))
        case 4 if at < len(data):
            data[at] ^= 1 << chance.randrange(8)
        case _:
            other = chance.randrange(len(data) + 1)
            data[at:at] = data[other : other + chance.randrange(1, 60)]


def inputs(count: int, seed: int) -> list[Input]:
    """Return so many inputs: first a sample of those by hand if `count` is below their number."""
    written = list(by_hand())
    if count < len(written):
        return random.Random(seed).sample(written, count)
    changed = mutations(seed)
    return written + [next(changed) for _ in range(count - len(written))]
