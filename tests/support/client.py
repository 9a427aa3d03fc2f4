"""HTTP clients at a level so low that a test sees when a connection is closed."""

import base64
import http.client
import json
import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .patience import PATIENCE


class Connection(http.client.HTTPConnection):
    """A keep-alive connection that never reopens automatically."""

    auto_open = 0

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        super().__init__(host, port, timeout=PATIENCE)
        self.connect()

    def get(self, path: str, **headers: str) -> tuple[http.client.HTTPResponse, bytes]:
        """Send a GET and return the response with its body."""
        self.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        response = self.getresponse()
        return response, response.read()

    def post(self, path: str, document: Any) -> tuple[http.client.HTTPResponse, bytes]:
        """POST a JSON document and return the response with its body."""
        self.request("POST", path, json.dumps(document), {"Content-Type": "application/json"})
        response = self.getresponse()
        return response, response.read()

    def is_closed_within(self, seconds: float) -> bool:
        """Tell whether the other side closes this idle connection in time."""
        self.sock.settimeout(seconds)
        try:
            return self.sock.recv(1) == b""
        except TimeoutError:
            return False


def status(port: int, path: str) -> int:
    """Send a GET over a new connection, and return the status."""
    connection = Connection(port)
    try:
        return connection.get(path)[0].status
    finally:
        connection.close()


@contextmanager
def reserved_port() -> Iterator[int]:
    """Yield a port that the kernel gives to no other process meanwhile, unless one asks for its number."""
    with socket.socket(socket.AF_INET6) as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("::", 0))
        yield holder.getsockname()[1]


def refuses(port: int, host: str = "127.0.0.1") -> bool:
    """Tell whether no process listens on a port."""
    try:
        socket.create_connection((host, port), timeout=PATIENCE).close()
    except (ConnectionRefusedError, ConnectionResetError):  # the latter, if the listener is just closing
        return True
    return False


def wait_for_port(port: int, host: str = "127.0.0.1") -> None:
    """Wait until a process listens on a port."""
    deadline = time.monotonic() + PATIENCE
    while refuses(port, host):
        assert time.monotonic() < deadline, f"nobody listens on port {port}"
        time.sleep(0.01)


def read_to_end(sock: socket.socket) -> bytes:
    """Return everything that arrives until the other side closes the connection."""
    received = b""
    while part := sock.recv(65536):
        received += part
    return received


def send_raw(port: int, request: bytes) -> bytes:
    """Send raw bytes, and return everything that comes back."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as sock:
        sock.sendall(request)
        return read_to_end(sock)


class WebSocket:
    """Just enough of RFC 6455 to see how a connection ends."""

    def __init__(self, port: int, path: str, origin: str | None = None, sent: str = "") -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        nonce = base64.b64encode(os.urandom(16)).decode()
        sent += f"Origin: {origin}\r\n" if origin else ""
        self.sock.sendall(
            f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n{sent}"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {nonce}\r\n\r\n".encode()
        )
        self.stream = self.sock.makefile("rb")
        self.status = int(self.stream.readline().split()[1])
        while self.stream.readline() not in (b"\r\n", b""):
            pass

    def send(self, text: bytes) -> None:
        """Send a short text frame; its mask is zero."""
        self.sock.sendall(bytes([0x81, 0x80 | len(text)]) + bytes(4) + text)

    def receive(self) -> tuple[int, bytes]:
        """Return the opcode and payload of the next short frame."""
        opcode, length = self.stream.read(2)
        return opcode & 0x0F, self.stream.read(length & 0x7F)

    def close_code(self) -> int:
        """Wait for the close frame and return its code."""
        while True:
            opcode, payload = self.receive()
            if opcode == 8:
                return int(struct.unpack("!H", payload[:2])[0])


def inside_network_of[T](pid: int, call: Callable[[], T]) -> T:
    """Call a function in the network namespace of a process."""
    result: Future[T] = Future()

    def run() -> None:  # in a new thread, because setns(2) moves a thread permanently
        try:
            with Path(f"/proc/{pid}/ns/net").open() as namespace:
                os.setns(namespace.fileno(), os.CLONE_NEWNET)
            result.set_result(call())
        except BaseException as error:
            result.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return result.result(PATIENCE)
