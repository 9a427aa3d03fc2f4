"""Maintained by `copier update`. What is the same for a client of HTTP and of a websocket."""

import asyncio

import structlog

log = structlog.get_logger(__name__)


class Client:
    """The part of a connection that closes it if its client is too slow."""

    transport: asyncio.Transport
    client: tuple[str, int] | None
    unsent, stuck_since = 0, 0.0

    def check(self, now: float, patience: float) -> None:
        """Close the connection if its client does not read for `patience` seconds."""
        unsent = self.transport.get_write_buffer_size()
        if not self.unsent or unsent < self.unsent:
            self.stuck_since = now
        self.unsent = unsent
        if now - self.stuck_since > patience:
            self.cut("it does not read")

    def cut(self, reason: str = "it does not read, and others wait") -> None:
        """Close the connection without what it has not sent yet."""
        self.give_up(reason)
        self.transport.abort()

    def give_up(self, reason: str) -> None:
        """Log the reason, and close the connection."""
        client = self.client[0].removeprefix("::ffff:") if self.client else None
        log.info("client too slow", reason=reason, client=client)
        self.transport.close()
