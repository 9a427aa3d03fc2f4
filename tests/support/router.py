"""A platform's router, which learns late that an instance was told to stop."""

import http.client
import random
import threading
from types import TracebackType

from .client import Connection


class Router:
    """Keep-alive clients that send to the instances it knows, for as long as it is entered.

    Nothing is sent twice: whatever is not answered with 200 stands in `failures`.
    """

    def __init__(self, *ports: int, clients: int = 8) -> None:
        self.ports = ports
        self.served = 0
        self.failures: list[str] = []
        self.done = threading.Event()
        self.threads = [threading.Thread(target=self.client, daemon=True) for _ in range(clients)]

    def add(self, port: int) -> None:
        """Send to one more instance."""
        self.ports += (port,)

    def remove_late(self, port: int, seconds: float = 1.5) -> None:
        """Go on sending to an instance for a while, then no more."""
        self.done.wait(seconds)
        self.ports = tuple(other for other in self.ports if other != port)

    def client(self) -> None:
        """Send one request after the other, each to any instance, over one connection to each."""
        connections: dict[int, Connection] = {}
        while not self.done.wait(0.005):
            port = random.choice(self.ports)
            path = "/slow?seconds=0.3" if random.random() < 0.1 else "/"
            try:
                if port not in connections:
                    connections[port] = Connection(port)
                response, _ = connections[port].get(path)
                if response.status != 200:
                    self.failures.append(f"{port}: {response.status}")
                if response.will_close:
                    connections.pop(port).close()
                self.served += 1
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(f"{port}: {error!r}")
                connections.pop(port, None)

    def __enter__(self) -> "Router":
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.done.set()
        for thread in self.threads:
            thread.join()
