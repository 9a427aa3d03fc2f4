"""Requests to `web`: single ones, and a steady load as from a platform's router."""

import http.client
import itertools
import json
import threading
from types import TracebackType
from typing import Any, Self

from .process import eventually
from .yours import HEADERS

TIMEOUT_SECONDS = 30.0
CLIENTS = 6
PAUSE_SECONDS = 0.04  # between two requests of a client

type Response = http.client.HTTPResponse


class Connection(http.client.HTTPConnection):
    """A keep-alive connection that does not open itself again after the server has closed it."""

    auto_open = 0

    def __init__(self, port: int) -> None:
        super().__init__("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
        self.connect()

    def ask(
        self, method: str, path: str, document: Any = None, **headers: str
    ) -> tuple[Response, bytes]:
        """Send a request, with a JSON document if one is given, and return the response."""
        sent = HEADERS | {name.replace("_", "-"): value for name, value in headers.items()}
        if document is not None:
            sent["Content-Type"] = "application/json"
        self.request(method, path, json.dumps(document) if document is not None else None, sent)
        response = self.getresponse()
        return response, response.read()


def ask(
    port: int, method: str, path: str, document: Any = None, **headers: str
) -> tuple[Response, bytes]:
    """Send a request over a connection of its own, and return the response with its body."""
    connection = Connection(port)
    try:
        return connection.ask(method, path, document, **headers)
    finally:
        connection.close()


def status(port: int, path: str) -> int:
    """Return the status of a GET, or 0 if nobody listens."""
    try:
        return ask(port, "GET", path)[0].status
    except ConnectionError:
        return 0


class Router:
    """Clients that send requests over keep-alive connections until the end of the block.

    A request counts as lost if it gets no response, or a status of 500 or more. Nothing is retried.
    """

    def __init__(self, port: int, *paths: str) -> None:
        self.port, self.paths = port, paths
        self.answered = 0
        self.lost: list[str] = []
        self.stopped = threading.Event()
        self.clients = [threading.Thread(target=self._send, daemon=True) for _ in range(CLIENTS)]

    def _send(self) -> None:
        connection = None
        for path in itertools.cycle(self.paths):
            if self.stopped.wait(PAUSE_SECONDS):
                break
            connection = self.ask(path, connection)
        if connection:
            connection.close()

    def ask(self, path: str, connection: Connection | None = None) -> Connection | None:
        """Send a GET, record the outcome, and return the connection if it stays open."""
        try:
            connection = connection or Connection(self.port)
            response, _ = connection.ask("GET", path)
        except (OSError, http.client.HTTPException) as error:
            self.lost.append(f"GET {path}: {error!r}")
            if connection:
                connection.close()
            return None
        if response.status < 500:
            self.answered += 1
        else:
            self.lost.append(f"GET {path}: {response.status}")
        if response.will_close:
            connection.close()
            return None
        return connection

    def wait_for(self, count: int) -> None:
        """Return after this many answers."""
        promise = f"C-26: requests block each other: {CLIENTS} clients did not get {count} answers."
        eventually(lambda: self.answered >= count or bool(self.lost), promise)
        assert not self.lost, f"C-10: web does not serve keep-alive connections: {self.lost[0]}"

    def __enter__(self) -> Self:
        for client in self.clients:
            client.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stopped.set()
        for client in self.clients:
            client.join()
