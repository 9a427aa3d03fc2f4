"""Maintained by `copier update`. uvicorn's HTTP/1.1, with limits on memory and time.

It uses private parts of uvicorn 0.54, which tests/test_uvicorn.py checks.
"""

import asyncio
import re
from typing import Any

import httptools
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from .asgi import CUT, REFUSED
from .clients import Client
from .listener import KEEP_ALIVE_SECONDS
from .responses import DISCARD_BYTES

HEAD_BYTES = 65_536
"""The limit for the target, for all headers together, and for all trailers together."""
PIPELINED = 32
"""How many pipelined requests may wait. Beyond that, the connection is not read."""
PIECE_BYTES = 4096
"""How many bytes are parsed at once, so that they hold only a few requests."""
LEAST_RATE = 1024
"""The minimum rate of a body, in bytes per second, after the first `patience` seconds."""
OFFERS = (b"upgrade", b"http2-settings")
HOST = re.compile(rb"[\w.~!$&'()*+,;=:%\[\]-]*")
REQUEST = re.compile(rb"[\w!#$%&'*+.^`|~-]+ \S+ HTTP/1\.[01]\r?\n")


class Protocol(Client, HttpToolsProtocol):
    """A connection with limits on memory and time."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin a connection."""
        super().connection_made(transport)
        self.flow = Flow(self, transport)
        self.running: RequestResponseCycle | None = None
        self.unparsed = bytearray()
        self.waits_for = "request"  # then "head", then "body"
        self.since = self.loop.time()
        # Bytes: of header lines, of lines that the parser has not reported yet, and of a body.
        self.told = self.untold = self.body_bytes = 0
        self.discarded = 0  # bytes, after a refusal
        self.refusal = 0  # a status, after which all input is ignored
        self.declined = False  # the head offers an upgrade, and we ignore the offer

    def connection_lost(self, exc: Exception | None) -> None:
        """End a connection, and tell the running request: uvicorn tells only the latest one."""
        super().connection_lost(exc)
        self.pipeline.clear()
        if self.running:
            self.running.disconnected = not self.running.response_complete
            self.running.message_event.set()

    def check(self, now: float, patience: float) -> None:
        """Close the connection if its client is too slow; `patience` is in seconds."""
        super().check(now, patience)
        if self.transport.is_closing():
            return
        if self.waits_for == "body":
            if self.flow.read_paused or self.cycle.waiting_for_100_continue:
                self.since = now  # the application is slow, not the client
                self.body_bytes = 0
            elif now - self.since > patience + self.body_bytes / LEAST_RATE:
                self.give_up("its body does not come")
        elif self.waits_for == "head" and now - self.since > patience:
            self.give_up("its head does not come")
        elif self.is_idle() and now - self.since > KEEP_ALIVE_SECONDS:
            self.transport.close()

    def is_idle(self) -> bool:
        """Tell whether there is no request, and uvicorn has started no timer."""
        answered = not self.cycle or self.cycle.response_complete
        return self.waits_for == "request" and answered and not self.timeout_keep_alive_task

    # Input

    def data_received(self, data: bytes) -> None:
        """Parse the input as far as the pipeline has room."""
        if not self.refusal:
            self.unparsed += data
            self.parse()
            return
        self.discarded += len(data)
        if self.discarded > DISCARD_BYTES:
            self.transport.close()

    def parse(self) -> None:
        """Parse piece by piece."""
        while self.unparsed and not (self.is_full() or self.transport.is_closing()):
            piece = bytes(self.unparsed[:PIECE_BYTES])
            del self.unparsed[:PIECE_BYTES]
            before = self.waits_for, self.body_bytes
            self.feed(piece)
            if before == (self.waits_for, self.body_bytes) and self.waits_for != "request":
                self.untold += len(piece)
                if self.untold > HEAD_BYTES:
                    self.refuse(431)
        if self.is_full():
            self.flow.pause_reading()

    def is_full(self) -> bool:
        """Tell whether the maximum number of requests is waiting."""
        return len(self.pipeline) >= PIPELINED

    def feed(self, piece: bytes) -> None:
        """Parse a piece."""
        self._unset_keepalive_if_required()
        before = self.cycle
        try:
            self.parser.feed_data(piece)
        except httptools.HttpParserUpgrade as end:
            if self.declined:
                self.parse_anew(piece[end.args[0] :])
            else:
                self.unparsed.clear()
                self.handle_websocket_upgrade()
        except httptools.HttpParserInvalidMethodError:  # the parser knows only registered methods
            self.refuse(405 if self.cycle is before and REQUEST.match(piece) else 400)
        except httptools.HttpParserError:
            self.refuse(self.refusal or 400)

    def parse_anew(self, rest: bytes) -> None:
        """Parse the head again without its offers: after an offer, the parser reads no body.

        A server may ignore an offer to upgrade (RFC 9110, section 7.8).
        """
        self.declined = False
        self.unparsed[:0] = self.head(without=OFFERS) + rest
        self.parser = httptools.HttpRequestParser(self)

    def head(self, without: tuple[bytes, ...] = ()) -> bytes:
        """Return the head as it was sent, without these headers."""
        version = self.parser.get_http_version().encode()
        lines = [self.parser.get_method(), b" ", self.url, b" HTTP/", version, b"\r\n"]
        for name, value in self.headers:
            if name not in without:
                lines += [name, b": ", value, b"\r\n"]
        return b"".join([*lines, b"\r\n"])

    def on_message_begin(self) -> None:
        """Expect a head."""
        super().on_message_begin()
        self.scope[CUT] = self.cut  # type: ignore[literal-required]
        self.expect("head")

    def on_url(self, url: bytes) -> None:
        """Take a part of the target."""
        super().on_url(url)
        if len(self.url) > HEAD_BYTES:
            self.stop(414)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header, but no trailer: uvicorn would add trailers to the headers."""
        self.told += len(name) + len(value) + 4
        if self.told > HEAD_BYTES:
            self.stop(431)
        if self.waits_for == "head":
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Begin the request, unless its head must be parsed again."""
        if self.parser.get_method() == b"CONNECT":
            self.stop(405)
        if not self.names_host():
            self.stop(400)
        self.declined = bool(self.parser.should_upgrade()) and not self.takes_offer()
        if not self.declined:
            super().on_headers_complete()
            self.expect("body")

    def names_host(self) -> bool:
        """Tell whether the head names one host, as HTTP/1.1 demands (RFC 9112, section 3.2)."""
        hosts = [value for name, value in self.headers if name == b"host"]
        if not hosts:
            return self.parser.get_http_version() != "1.1"
        return len(hosts) == 1 and bool(HOST.fullmatch(hosts[0]))

    def takes_offer(self) -> bool:
        """Tell whether to accept an offer to upgrade: only to a websocket, if no request runs."""
        busy = self.running and not self.running.response_complete
        request = self.parser.get_method(), self.parser.get_http_version()
        if busy or request != (b"GET", "1.1") or not super()._should_upgrade():
            return False
        # Check the handshake with uvicorn's websocket, which would answer an invalid one by
        # itself, without id and document, or never.
        make: Any = self.ws_protocol_class
        websocket = make(
            config=self.config, server_state=self.server_state, app_state=self.app_state
        )
        websocket.conn.receive_data(self.head())
        found = websocket.conn.events_received()
        if not found or websocket.conn.accept(found[0]).status_code != 101:
            self.stop(400)
        return True

    def _should_upgrade(self) -> bool:
        return not self.declined

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        self.body_bytes += len(body)
        self.untold = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Expect the next request."""
        if not self.declined:
            super().on_message_complete()
            self.expect("request")

    def expect(self, what: str) -> None:
        """Begin to wait for the next part."""
        self.waits_for, self.since = what, self.loop.time()
        self.told = self.untold = self.body_bytes = 0

    # Refusals

    def stop(self, status: int) -> None:
        """Stop the parser from one of its callbacks; `feed` then refuses the request."""
        self.refusal = status
        raise ValueError(status)

    def refuse(self, status: int) -> None:
        """Answer with this status, through the usual steps, and close the connection."""
        self.refusal = status
        self.unparsed.clear()
        if self.waits_for == "body":
            self.cycle.scope[REFUSED] = status  # type: ignore[literal-required]
            self.cycle.keep_alive = self.cycle.more_body = False
            self.cycle.message_event.set()
            if self.cycle.response_complete:
                self.transport.close()
            return
        super().on_message_begin()
        refused = {"method": "", "path": "", "raw_path": b"", "query_string": b"", REFUSED: status}
        self.scope.update(refused)  # type: ignore[typeddict-item]
        busy = self.running and not self.running.response_complete
        self.cycle = RequestResponseCycle(
            scope=self.scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=False,
            keep_alive=False,
            on_response=self.on_response_complete,
        )
        self.cycle.more_body = status in (414, 431)  # the client still sends the rest
        self.cycle.message_event.set()
        if busy:
            self.pipeline.appendleft((self.cycle, self.app))
        else:
            self._start_asgi_task(self.cycle, self.app)

    # Output

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self.running = cycle
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        """Begin the next waiting request, and read on if there is room."""
        super().on_response_complete()
        self.parse()


class Flow(FlowControl):
    """Stops reading while the pipeline is full; uvicorn would read on after each response."""

    def __init__(self, protocol: Protocol, transport: asyncio.Transport) -> None:
        super().__init__(transport)
        self.protocol = protocol

    def resume_reading(self) -> None:
        """Read on, if there is room."""
        if not self.protocol.is_full():
            super().resume_reading()
