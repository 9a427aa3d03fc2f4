"""Something between a service and its Postgres: it ends TLS, as platforms' proxies do, and listens."""

import socket
import ssl
import threading
from types import TracebackType

SSL_REQUEST = bytes.fromhex("0000000804d2162f")  # what libpq sends first where it may use TLS


class Relay:
    """Passes everything on to a port, and keeps what the clients have sent, as it was before TLS."""

    def __init__(self, port: int, tls: ssl.SSLContext | None = None) -> None:
        self.target, self.tls = port, tls
        self.sent = bytearray()
        self.encrypted = 0
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
        """Shake hands, then copy both ways."""
        try:
            if self.tls:
                assert client.recv(len(SSL_REQUEST), socket.MSG_WAITALL) == SSL_REQUEST
                client.sendall(b"S")
                client = self.tls.wrap_socket(client, server_side=True)
                self.encrypted += 1
            server = socket.create_connection(("127.0.0.1", self.target))
            threading.Thread(target=self.copy, args=(server, client), daemon=True).start()
            self.copy(client, server, record=True)
        except OSError:  # the client has refused the certificate, or the server has gone
            client.close()

    def copy(self, source: socket.socket, to: socket.socket, record: bool = False) -> None:
        """Copy one way until the end, and pass that on too."""
        try:
            while part := source.recv(65536):
                if record:
                    self.sent += part
                to.sendall(part)
        except OSError:
            pass
        to.close()

    def __enter__(self) -> "Relay":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.listener.close()
