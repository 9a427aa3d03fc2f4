"""gunicorn's worker with threads, which drains; and its responses."""

import os
import signal
from collections.abc import Iterable
from concurrent.futures import Future
from functools import partial
from selectors import EVENT_READ
from types import FrameType
from typing import Any

import structlog
from gunicorn import util
from gunicorn.http import wsgi
from gunicorn.workers.gthread import TConn, ThreadWorker

from .drain import Drain

log = structlog.get_logger(__name__)

# Blocked while a worker is forked, until it knows what to do with them.
SIGNALS = {signal.SIGTERM, signal.SIGINT}
# How much of a refused body is read on: a client that still sends would see but a reset.
DISCARD_BYTES, DISCARD_SECONDS = 16 * 1024 * 1024, 1


class Worker(ThreadWorker):
    """Accepts in one thread and serves in others."""

    drain: Drain  # `serve.run` sets it

    def init_signals(self) -> None:
        super().init_signals()
        signal.signal(signal.SIGINT, self.handle_exit)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        stop = partial(super().handle_exit, sig, frame)
        self.method_queue.defer(self.drain.begin, stop)

    def run(self) -> None:
        self.notify()  # gunicorn takes no worker for hung that has not had a heartbeat yet
        host, port, *_ = self.sockets[0].getsockname()
        log.info("listening", host=host, port=port, pid=os.getpid())
        super().run()

    def is_parent_alive(self) -> bool:
        if not super().is_parent_alive():
            self.handle_exit(signal.SIGTERM, None)
        return True

    def set_accept_enabled(self, enabled: bool | None) -> None:
        super().set_accept_enabled(enabled)
        if not self.alive:  # or who connects would wait for nobody
            for listener in self.sockets:
                listener.close()
            for conn in (*self.pending_conns, *self.keepalived_conns):
                conn.timeout = 0  # idle, and told of the end by each response of the drain
            self.murder_pending()
            self.murder_keepalived()

    def enqueue_req(self, conn: TConn) -> None:
        """Serve a connection, but a new one only once its client says something."""
        if conn.initialized or conn.data_ready:
            super().enqueue_req(conn)
            return
        conn.set_timeout()
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, EVENT_READ, partial(self.on_pending_socket_readable, conn))

    def handle(self, conn: TConn) -> Any:
        keep = super().handle(conn)
        if not keep:  # here, because it waits for the client, and gunicorn's main thread should not
            util.close_graceful(conn.sock, DISCARD_SECONDS, DISCARD_BYTES)
        return keep

    def finish_request(self, conn: TConn, fs: Future[Any]) -> None:
        if fs.exception() or fs.result():
            super().finish_request(conn, fs)
        else:
            self.nr_conns -= 1


class Response(wsgi.Response):
    """Says nothing of the server, and closes the connection where the application asks for it."""

    def process_headers(self, headers: Iterable[tuple[str, str]]) -> None:
        super().process_headers(headers)
        if ("connection", "close") in headers:
            self.force_close()

    def default_headers(self) -> list[str]:
        return [line for line in super().default_headers() if not line.startswith("Server:")]


wsgi.Response = Response  # type: ignore[misc]  # gunicorn has no setting for it
