"""Sends the raw inputs, several at a time, and judges what comes back and what is logged of it."""

import contextlib
import random
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from tests.support.service import Service

from .answers import Answer, MalformedError, parse
from .corpus import Input
from .parts import CANARY, LAST

AT_ONCE = 12  # connections
PATIENCE = 30.0  # seconds until a connection should long have ended
KIND = "application/problem+json"
BUSY = "no free connection"
"""The one error that an overload may cause."""


@dataclass
class Outcome:
    """What has come of one input."""

    input: Input
    statuses: list[int] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    """The promises that it broke."""

    @property
    def group(self) -> str:
        """How it was answered: by the hundreds of its first status, or not at all."""
        return f"{self.statuses[0] // 100}xx" if self.statuses else "closed"


def exchange(port: int, sent: Input, chance: random.Random) -> tuple[bytes, bool]:
    """Send an input, and return what came back, and whether the connection has ended."""
    received, last = b"", b"" if sent.kind == "unfinished" else LAST
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(ConnectionError):  # it is refused while it is being sent
            for piece in cut(sent.data, chance) if sent.pieces else [sent.data]:
                sock.sendall(piece)
            if sent.then:
                received = sock.recv(65536)
            sock.sendall(sent.then + last)
        try:
            while part := sock.recv(65536):
                received += part
        except ConnectionError:  # reset, because what was sent after a refusal is not read
            pass
        except TimeoutError:
            return received, False
    return received, True


def cut(data: bytes, chance: random.Random) -> list[bytes]:
    """Return the first bytes in small pieces, and the rest in large ones."""
    pieces, at = [], 0
    while at < len(data):
        size = chance.randrange(1, 40) if at < 2000 else 30_000
        pieces.append(data[at : at + size])
        at += size
    return pieces


def attack(port: int, sent: Input, seed: int) -> Outcome:
    """Send one input and judge the answers."""
    outcome = Outcome(sent)
    received, ended = exchange(port, sent, random.Random(seed))
    if not ended:
        outcome.broken.append(f"no end after {PATIENCE:g} s")
    try:
        found = parse(received, may_lack_bodies=b"HEAD" in sent.data)
    except MalformedError as error:
        outcome.broken.append(f"malformed answer: {error}")
        return outcome
    outcome.statuses = [answer.status for answer in found]
    outcome.broken += [problem for answer in found for problem in judged(answer)]
    if sent.answers is not None and len(found) > sent.answers + 1:
        outcome.broken.append(f"{len(found)} answers to {sent.answers} and the last one")
    return outcome


def judged(answer: Answer) -> list[str]:
    """Return which promises an answer breaks (C-12, C-13)."""
    broken = []
    if answer.status >= 500:
        broken.append(f"{answer.status} without cause")
    if answer.status != 101 and "x-request-id" not in answer.headers:
        broken.append(f"{answer.status} without id")
    if answer.status >= 400 and answer.headers.get("content-type") != KIND:
        broken.append(f"{answer.status} without document")
    if CANARY in answer.body and answer.status >= 400:
        broken.append(f"{answer.status} repeats the input")
    return broken


def attack_all(port: int, inputs: Sequence[Input], seed: int) -> list[Outcome]:
    """Send all inputs, several at a time."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda pair: attack(port, pair[1], seed + pair[0]), enumerate(inputs)))


def smuggled(service: Service) -> int:
    """Count the requests that were none: see `framing.SMUGGLED`."""
    return len(service.find("request", path="/smuggled"))


def told(service: Service) -> list[str]:
    """Return the lines that should not be in the log: errors, none that are JSON, and repeated inputs."""
    unwanted = [line for line in service.lines if CANARY.decode() in line]
    unwanted += [
        str(event)
        for event in service.events
        if (event["level"] in ("error", "critical") and event.get("reason") != BUSY) or "exception" in event
    ]
    return unwanted + [line.decode() for line in service.stderr.lines]
