"""The other clients: ordinary ones, of which none may lose a request, and one that asks for /livez."""

import hashlib
import http.client
import json
import os
import random
import threading
import time
from types import TracebackType
from typing import Self

from tests.support.client import Connection
from tests.support.router import Router


class Ordinary(Router):
    """Clients that read, and send bodies of which the service must have seen each byte."""

    def __init__(self, port: int, clients: int = 4) -> None:
        super().__init__(port, clients=clients)

    def ask(self, connection: Connection) -> http.client.HTTPResponse:
        """Send one request."""
        if random.random() < 0.5:
            return connection.get("/")[0]
        body = os.urandom(random.randrange(1, 20_000))
        connection.request("POST", "/echo", body)
        response = connection.getresponse()
        if response.status == 200:
            found = json.loads(response.read())
            if found != {"bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()}:
                self.failures.append(f"another body was seen: {found}")
        else:
            response.read()
        return response


class Health:
    """Asks for /livez and /readyz again and again, each over a connection of its own.

    /readyz may say that it is not ready, which is counted; /livez must answer 200.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.worst = {"/livez": 0.0, "/readyz": 0.0}  # seconds
        self.unready = 0
        self.failures: list[str] = []
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self) -> None:
        """Ask until the block ends."""
        while not self.done.wait(0.05):
            for path in self.worst:
                began = time.monotonic()
                try:
                    connection = Connection(self.port)
                    status = connection.get(path)[0].status
                    connection.close()
                    if (path, status) == ("/readyz", 503):
                        self.unready += 1
                    elif status != 200:
                        self.failures.append(f"{path}: {status}")
                except (OSError, http.client.HTTPException) as error:
                    self.failures.append(f"{path}: {error!r}")
                self.worst[path] = max(self.worst[path], time.monotonic() - began)

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.done.set()
        self.thread.join()
