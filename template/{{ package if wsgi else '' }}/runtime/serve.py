"""Slipway's: kept current by `copier update`. `web`: gunicorn on a socket of our own."""

# ruff: noqa: E402
import os

for _name in ("WEB_CONCURRENCY", "FORWARDED_ALLOW_IPS"):
    # gunicorn would read them at its import, an empty one too; `Settings` has read them.
    os.environ.pop(_name, None)

import math
import signal
import socket
from types import FrameType
from typing import Any

import structlog
from gunicorn import arbiter, glogging
from gunicorn.app.base import BaseApplication
from gunicorn.errors import HaltServer

from .config import RuntimeSettings, log_start
from .deadlines import CUT_SECONDS
from .drain import end
from .gunicorn_worker import SIGNALS, Worker
from .http import App
from .listener import KEEP_ALIVE_SECONDS, bind
from .services import Attached

log = structlog.get_logger(__name__)

HANG_SECONDS = 30  # without a heartbeat, after which a worker is replaced
THREADS = 200  # WEB_THREADS serve requests; others wait for their turn, or answer /livez


def run(app: App, settings: RuntimeSettings, services: Attached) -> int:
    """Serve until a signal ends it, and return the exit status."""
    listener = bind(settings.host, settings.port)
    log_start(settings)
    try:
        Arbiter(Server(app, settings, services, listener)).run()
    except SystemExit as stop:
        log.info("stopped")
        return int(stop.code or 0)
    return 0


class Server(BaseApplication):
    """gunicorn, with its configuration in code: nothing else is read, and no file written."""

    def __init__(
        self, app: App, settings: RuntimeSettings, services: Attached, listener: socket.socket
    ) -> None:
        self.app, self.settings, self.services = app, settings, services
        self.descriptor = listener.detach()
        super().__init__()

    def load_config(self) -> None:
        limit = self.settings.max_body_bytes
        patience = self.settings.shutdown_drain_seconds + self.settings.shutdown_grace_seconds
        configuration = {
            "bind": f"fd://{self.descriptor}",
            "child_exit": _log_worker_exit,
            "control_socket_disable": True,
            "forwarded_allow_ips": "",  # see ProxyHeaders
            # for a worker that cannot cut itself; gunicorn takes whole seconds
            "graceful_timeout": math.ceil(patience + CUT_SECONDS),
            "keepalive": KEEP_ALIVE_SECONDS,
            "logger_class": Log,
            "loglevel": "warning",
            "pre_request": lambda _worker, request: _answer_expectation(request, limit),
            "preload_app": True,
            "threads": THREADS,
            "timeout": HANG_SECONDS,
            "worker_class": Worker,
            # where a worker's heartbeat goes, in memory
            "worker_tmp_dir": "/dev/shm" if os.access("/dev/shm", os.W_OK) else None,  # noqa: S108
            "workers": self.settings.web_concurrency,
        }
        for name, value in configuration.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        return self.app


class Arbiter(arbiter.Arbiter):
    """gunicorn's supervisor, for which Ctrl-C is no different from SIGTERM."""

    SIGNALS = [signal.SIGTERM, signal.SIGINT]  # noqa: RUF012

    def signal(self, sig: int, frame: FrameType | None) -> None:
        super().signal(signal.SIGTERM, frame)

    def spawn_worker(self) -> Any:
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        try:
            return super().spawn_worker()
        except SystemExit as stop:  # which is raised in the worker alone
            end(int(stop.code or 0))
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)

    def reap_workers(self) -> None:
        try:
            super().reap_workers()
        except HaltServer:  # a worker could not start
            if self.LISTENERS:  # and no other one has ended all of them yet
                raise


class Log(glogging.Logger):
    """gunicorn's events among the service's own."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True
        self.error_log.addFilter(_is_not_duplicate)


def _is_not_duplicate(record: Any) -> bool:
    # `_log_worker_exit` and a worker that cannot start have said so.
    return not record.msg.startswith(("Worker (", "WORKER TIMEOUT", "Shutting down", "Reason"))


def _log_worker_exit(server: Arbiter, worker: Worker) -> None:
    if server.LISTENERS:  # it does not stop
        log.error("worker hung" if worker.aborted else "worker died", pid=worker.pid)


def _answer_expectation(request: Any, limit: int) -> None:
    """Refuse a body that is too large before the client sends it, if it asks."""
    if int(dict(request.headers).get("CONTENT-LENGTH", 0)) > limit:
        request._expected_100_continue = False
