"""A platform's router, which learns late that an instance is stopping."""

import http.client
import json
import math
import random
import threading
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from .client import Connection


class Router:
    """Keep-alive clients that send requests to the known instances while the context is open.

    They never retry. `failures` holds each request that did not get an `expected` status.
    """

    def __init__(self, *ports: int, clients: int = 8, expected: Sequence[int] = (200,)) -> None:
        self.ports, self.expected = ports, expected
        self.removed: dict[int, float] = {}  # when the router learns that a port is gone
        self.served = 0
        self.failures: list[str] = []
        self.done = threading.Event()
        self.threads = [threading.Thread(target=self.client, daemon=True) for _ in range(clients)]

    def add(self, port: int) -> None:
        """Add an instance."""
        self.ports += (port,)

    def remove_late(self, port: int, seconds: float = 1.5) -> None:
        """Remove an instance after some seconds, even if this thread wakes late. Until then, send to it."""
        self.removed[port] = time.monotonic() + seconds
        self.done.wait(seconds)
        self.ports = tuple(other for other in self.ports if other != port)

    def client(self) -> None:
        """Send requests one after another, each to a random instance, over one connection per instance."""
        connections: dict[int, Connection] = {}
        while not self.done.wait(0.005):
            now = time.monotonic()
            port = random.choice([port for port in self.ports if now < self.removed.get(port, math.inf)])
            try:
                if port not in connections:
                    connections[port] = Connection(port)
                response = self.ask(connections[port])
                if response.status not in self.expected:
                    self.failures.append(f"{port}: {response.status}")
                if response.will_close:
                    connections.pop(port).close()
                self.served += 1
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(f"{port}: {error!r}")
                connections.pop(port, None)

    def ask(self, connection: Connection) -> http.client.HTTPResponse:
        """Send one request."""
        return connection.get("/slow?seconds=0.3" if random.random() < 0.1 else "/")[0]

    def __enter__(self) -> Self:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.done.set()
        for thread in self.threads:
            thread.join()


class Notes(Router):
    """Clients that write notes, and read the notes that the service has confirmed."""

    def __init__(self, *ports: int, clients: int = 8, expected: Sequence[int] = (200, 201)) -> None:
        super().__init__(*ports, clients=clients, expected=expected)
        self.kept: dict[str, str] = {}  # each note's text, by its path
        self.refused = 0
        self.longest = 0.0  # seconds until a response

    def ask(self, connection: Connection) -> http.client.HTTPResponse:
        """Write a note, or read a random confirmed one."""
        began = time.monotonic()
        if self.kept and random.random() < 0.5:
            path, text = random.choice(list(self.kept.items()))
            response, body = connection.get(path)
            if response.status == 200 and json.loads(body)["text"] != text:
                self.failures.append(f"{path} is another note now")
        else:
            text = f"note {random.random()}"
            response, _ = connection.post("/notes", {"text": text})
            if response.status == 201:
                self.kept[response.headers["location"]] = text
        self.refused += response.status == 503
        self.longest = max(self.longest, time.monotonic() - began)
        return response
