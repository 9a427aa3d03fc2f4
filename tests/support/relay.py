"""A relay between a service and its Postgres or Redis. It terminates TLS, as platforms' proxies do.

It can also act as a network that is slow or resets connections.
"""

import contextlib
import socket
import ssl
import struct
import threading
import time
from types import TracebackType

SSL_REQUEST = bytes.fromhex("0000000804d2162f")  # libpq sends this first if it may use TLS


class Relay:
    """Passes everything on to a port, and keeps what the clients have sent, decrypted."""

    def __init__(self, port: int, tls: ssl.SSLContext | None = None) -> None:
        self.target, self.tls = port, tls
        self.sent = bytearray()
        self.encrypted = 0
        self.delay = 0.0  # seconds by which it delays each part of a response
        self.clients: list[socket.socket] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.listener.getsockname()[1])
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self) -> None:
        """Serve each client until the listener is closed."""
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client: socket.socket) -> None:
        """Do the TLS handshake, then copy in both directions."""
        try:
            if self.tls:
                assert client.recv(len(SSL_REQUEST), socket.MSG_WAITALL) == SSL_REQUEST
                client.sendall(b"S")
                client = self.tls.wrap_socket(client, server_side=True)
                self.encrypted += 1
            self.clients.append(client)
            server = socket.create_connection(("127.0.0.1", self.target))
            threading.Thread(target=self.copy, args=(server, client), daemon=True).start()
            self.copy(client, server, record=True)
        except OSError:  # the client has refused the certificate, or the server is down
            client.close()

    def copy(self, source: socket.socket, to: socket.socket, record: bool = False) -> None:
        """Copy in one direction until the end of the stream, and pass the end on too."""
        try:
            while part := source.recv(65536):
                if record:
                    self.sent += part
                else:
                    time.sleep(self.delay)
                to.sendall(part)
        except OSError:
            pass
        to.close()

    def reset(self) -> None:
        """Reset every connection to a client (RST)."""
        clients, self.clients = self.clients, []
        for client in clients:
            with contextlib.suppress(OSError):  # already closed
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                client.shutdown(socket.SHUT_RD)  # wakes the thread that reads from it
            client.close()

    def __enter__(self) -> "Relay":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.listener.close()
