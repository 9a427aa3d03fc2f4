"""Maintained by `copier update`. uvicorn's websocket, with limits on memory and time.

It uses private parts of uvicorn 0.54, which tests/test_uvicorn.py checks.
"""

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from .clients import Client


class WebSocket(Client, WebSocketsSansIOProtocol):
    """A websocket whose client must read what it gets, including the answers to its pings."""

    pong = b""  # is not sent yet

    def handle_ping(self) -> None:
        """Answer a ping; of a client that does not read, only the latest (RFC 6455, 5.5.3)."""
        if self.writable.is_set():
            super().handle_ping()
        elif pongs := self.conn.data_to_send():
            self.pong = pongs[-1]

    def resume_writing(self) -> None:
        """Go on: the client has read."""
        super().resume_writing()
        pong, self.pong = self.pong, b""
        self.transport.write(pong)
