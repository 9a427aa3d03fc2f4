"""Slipway's: kept current by `copier update`. gunicorn's worker with threads, which drains.

It builds on private parts of gunicorn 27; tests/test_gunicorn.py names them.
"""

import atexit
import os
import signal
import sys
from collections.abc import Iterable
from concurrent.futures import Future
from functools import partial
from selectors import EVENT_READ
from types import FrameType
from typing import Any

import structlog
from gunicorn import util
from gunicorn.arbiter import Arbiter
from gunicorn.http import wsgi
from gunicorn.workers.gthread import TConn, ThreadWorker

from .drain import drain
from .responses import DISCARD_BYTES, DISCARD_SECONDS

log = structlog.get_logger(__name__)

# Blocked while a worker is forked, until it handles them: gunicorn loses them in between.
SIGNALS = {signal.SIGTERM, signal.SIGINT}


class Worker(ThreadWorker):
    """Accepts in one thread and serves in others."""

    app: Any  # the `Server` of serve.py
    serving = False

    def init_signals(self) -> None:
        """Handle SIGINT as SIGTERM; gunicorn cuts the requests."""
        super().init_signals()
        signal.signal(signal.SIGINT, self.handle_exit)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Drain before gunicorn's own shutdown."""
        if not self.serving:  # it has accepted nothing
            os._exit(0)
        settings = self.app.settings
        stop = partial(super().handle_exit, sig, frame)
        self.method_queue.defer(
            drain.begin, settings.shutdown_drain_seconds, settings.shutdown_grace_seconds, stop
        )

    def run(self) -> None:
        """Serve, with the services open."""
        self.notify()  # gunicorn does not time out a worker before its first heartbeat
        try:
            self.app.services.open()
        except Exception:
            log.critical("cannot start", exc_info=True)
            sys.exit(Arbiter.WORKER_BOOT_ERROR)  # which ends all workers: it would happen again
        atexit.register(self.close_services)
        self.serving = True
        host, port, *_ = self.sockets[0].getsockname()
        log.info("listening", host=host, port=port, pid=os.getpid())
        super().run()

    def close_services(self) -> None:
        """Close them at the end of the process, which may be a cut."""
        try:
            self.app.services.close()
        except Exception:
            log.critical("cannot stop", exc_info=True)

    def is_parent_alive(self) -> bool:
        """Drain where the parent has ended; gunicorn stops at once."""
        if not super().is_parent_alive():
            self.handle_exit(signal.SIGTERM, None)
        return True

    def set_accept_enabled(self, enabled: bool | None) -> None:
        """Close the listeners and what is idle, too; gunicorn keeps them open while it finishes."""
        super().set_accept_enabled(enabled)
        if not self.alive:  # new connections would wait in the backlog until they are reset
            for listener in self.sockets:
                listener.close()
            for conn in (*self.pending_conns, *self.keepalived_conns):
                conn.timeout = 0  # idle: each response of the drain had `Connection: close`
            self.murder_pending()
            self.murder_keepalived()

    def enqueue_req(self, conn: TConn) -> None:
        """Serve a connection, but a new one once its client sends something; gunicorn gives it a
        thread to wait in."""
        if conn.initialized or conn.data_ready:
            super().enqueue_req(conn)
            return
        conn.set_timeout()
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, EVENT_READ, partial(self.on_pending_socket_readable, conn))

    def handle(self, conn: TConn) -> Any:
        """Serve a request, and close the connection here where it ends: that waits for the client,
        and gunicorn's main thread should not."""
        keep = super().handle(conn)
        if not keep:
            util.close_graceful(conn.sock, DISCARD_SECONDS, DISCARD_BYTES)
        return keep

    def finish_request(self, conn: TConn, fs: Future[Any]) -> None:
        """Do not close again what `handle` has closed."""
        if fs.exception() or fs.result():
            super().finish_request(conn, fs)
        else:
            self.nr_conns -= 1


class Response(wsgi.Response):
    """Says nothing of the server, and closes the connection where the application asks for it;
    gunicorn drops that header."""

    def process_headers(self, headers: Iterable[tuple[str, str]]) -> None:
        """Take the headers of the application."""
        super().process_headers(headers)
        if ("connection", "close") in headers:
            self.force_close()

    def default_headers(self) -> list[str]:
        """Return what gunicorn adds."""
        return [line for line in super().default_headers() if not line.startswith("Server:")]


wsgi.Response = Response  # type: ignore[misc]  # gunicorn has no setting for it
