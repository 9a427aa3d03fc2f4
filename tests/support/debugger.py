"""A client of the Debug Adapter Protocol: the editor that debugs a process."""

import json
import socket
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from .patience import PATIENCE


class Editor:
    """Sends requests, and reads the debugger's responses and events."""

    def __init__(self, port: int) -> None:
        self.connection = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self.stream = self.connection.makefile("rb")
        self.events: list[dict[str, Any]] = []
        self.last = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.connection.close()

    def attach(self, file: Path, line: int) -> None:
        """Attach, and set a breakpoint on a line of a file."""
        self.request("initialize", adapterID="python")
        attached = self.send("attach", justMyCode=True)
        self.event("initialized")
        self.request("setBreakpoints", source={"path": str(file)}, breakpoints=[{"line": line}])
        self.request("configurationDone")
        self.answer(attached)

    def request(self, command: str, **arguments: Any) -> None:
        """Send a request, and wait until it has succeeded."""
        self.answer(self.send(command, **arguments))

    def send(self, command: str, **arguments: Any) -> int:
        """Send a request, and return its number."""
        self.last += 1
        message = {"seq": self.last, "type": "request", "command": command, "arguments": arguments}
        body = json.dumps(message).encode()
        self.connection.sendall(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        return self.last

    def answer(self, number: int) -> None:
        """Wait until the request with this number has succeeded."""
        while (message := self.read()).get("request_seq") != number:
            self.events.append(message)

    def event(self, name: str) -> dict[str, Any]:
        """Wait for an event, and return its body."""
        while not (found := [event for event in self.events if event.get("event") == name]):
            self.events.append(self.read())
        self.events.remove(found[0])
        body: dict[str, Any] = found[0].get("body", {})
        return body

    def read(self) -> dict[str, Any]:
        """Read the next message, and check that it is not a failure."""
        length = 0
        while line := self.stream.readline().strip():
            name, _, value = line.partition(b":")
            length = int(value) if name == b"Content-Length" else length
        message: dict[str, Any] = json.loads(self.stream.read(length))
        assert message.get("success", True), message
        return message
