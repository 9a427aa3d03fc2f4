"""A client that asks for one thing again and again, in a process of its own: `python -m tests.bench.load`.

Raw sockets, because a client that is slower than the server would measure itself.
"""

import json
import selectors
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

END_OF_HEAD = b"\r\n\r\n"
LENGTH = b"content-length:"


@dataclass(frozen=True)
class Order:
    """What to ask, of whom, how often."""

    port: int
    requests: Sequence[str]
    """Whole HTTP requests, which take turns on each connection."""
    connections: int = 16
    seconds: float = 3
    rate: float = 0
    """Requests a second over all connections; 0 is as many as go."""


@dataclass
class Result:
    """What came back."""

    seconds: float
    statuses: dict[str, int]
    latencies: list[float] = field(repr=False)
    """In milliseconds, sorted. At a rate they count from the moment at which the request was due."""

    @property
    def answered(self) -> int:
        """Return how many requests were answered with 2xx."""
        return sum(count for status, count in self.statuses.items() if status.startswith("2"))

    @property
    def rps(self) -> float:
        """Return the answers with 2xx a second."""
        return self.answered / self.seconds

    def percentile(self, share: float) -> float:
        """Return the latency, in milliseconds, within which this share of the requests was answered."""
        return self.latencies[min(len(self.latencies) - 1, int(len(self.latencies) * share))]


def get(path: str) -> str:
    """Return a GET request."""
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"


def post(path: str, body: str) -> str:
    """Return a POST request with a JSON document."""
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n{body}"


def send(order: Order) -> Result:
    """Carry out an order in a process of its own."""
    command = [sys.executable, "-m", "tests.bench.load"]
    done = subprocess.run(
        command, input=json.dumps(asdict(order)), capture_output=True, text=True, check=True
    )
    return Result(**json.loads(done.stdout))


class Client:
    """One keep-alive connection, with at most one request under way."""

    def __init__(self, order: dict[str, Any], number: int) -> None:
        self.port, self.requests = order["port"], [request.encode() for request in order["requests"]]
        self.next = number
        self.connect()

    def connect(self) -> None:
        """Open the connection; a server may have closed the last one."""
        self.sock = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = b""

    def ask(self, due: float) -> None:
        """Send the next request, which was due at `due`."""
        self.due = due
        self.sock.sendall(self.requests[self.next % len(self.requests)])
        self.next += 1

    def answer(self) -> str | None:
        """Read on, and return the status once the answer is complete."""
        part = self.sock.recv(65536)
        if not part:
            return "closed"
        self.received += part
        head, found, body = self.received.partition(END_OF_HEAD)
        if not found:
            return None
        lower = head.lower()
        if LENGTH in lower:
            complete = len(body) >= int(lower.split(LENGTH, 1)[1].split(b"\r\n", 1)[0])
        else:  # chunked
            complete = body.endswith(b"0\r\n\r\n")
        if not complete:
            return None
        self.received = b""
        return head.split(b" ", 2)[1].decode()


def run(order: dict[str, Any]) -> dict[str, Any]:
    """Ask until the time is over, then read what is under way."""
    statuses: Counter[str] = Counter()
    latencies: list[float] = []
    clients = [Client(order, number) for number in range(order["connections"])]
    idle, interval = list(clients), 1 / order["rate"] if order["rate"] else 0
    clock = time.perf_counter
    began = clock()
    end, due, busy = began + order["seconds"], began, 0
    with selectors.DefaultSelector() as selector:
        for client in clients:
            selector.register(client.sock, selectors.EVENT_READ, client)
        while (now := clock()) < end or busy:
            while idle and due <= now < end:
                idle.pop().ask(due if interval else now)
                busy += 1
                due += interval
            wait = 0.05 if not (idle and interval) else max(0, min(due, end) - clock())
            for key, _ in selector.select(wait):
                client = key.data
                status = client.answer()
                if status is None:
                    continue
                statuses[status] += 1
                latencies.append((clock() - client.due) * 1000)
                if status == "closed":
                    selector.unregister(client.sock)
                    client.connect()
                    selector.register(client.sock, selectors.EVENT_READ, client)
                idle.append(client)
                busy -= 1
    seconds = clock() - began
    return {"seconds": seconds, "statuses": statuses, "latencies": sorted(latencies)}


if __name__ == "__main__":
    json.dump(run(json.load(sys.stdin)), sys.stdout)
