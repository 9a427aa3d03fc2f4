"""`web`: uvicorn on a socket of our own, with a drain before its shutdown."""

import os
import socket
from collections.abc import Callable
from types import FrameType
from typing import Any

import structlog
import uvicorn
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from ..settings import Settings
from .drain import Drain
from .requests import Requests
from .supervise import Supervisor

log = structlog.get_logger(__name__)

KEEP_ALIVE_SECONDS = 95  # routers reuse a connection for 90 s, and must be the ones to close it


def run(settings: Settings) -> int:
    """Serve until a signal ends it, and return the exit status."""
    drain = Drain(settings.shutdown_drain_seconds, settings.shutdown_grace_seconds)
    try:  # before any fork: what cannot start ends here, and not once a child
        from ..app import create_app

        app = Requests(create_app(settings), settings, drain)
        listener = _bind(settings.host, settings.port)
    except Exception:
        log.critical("cannot start", exc_info=True)
        return 1
    release = {
        "release": settings.heroku_release_version,
        "commit": settings.heroku_build_commit,
        "app": settings.heroku_app_name,
        "dyno": settings.dyno,
    }
    known = {name: value for name, value in release.items() if value}
    log.info("starting", version=settings.version, **known)
    config = uvicorn.Config(
        PlainAddresses(ProxyHeadersMiddleware(app, settings.forwarded_allow_ips)),
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=settings.shutdown_grace_seconds,  # type: ignore[arg-type]
    )

    def serve(ready: Callable[[], None] = lambda: None) -> int:
        Server(config, drain, ready).run([listener])
        log.info("stopped")
        return 0

    if settings.web_concurrency == 1:
        return serve()
    return Supervisor(settings.web_concurrency, serve, listener, drain.patience + 0.5).run()


def _bind(host: str, port: int) -> socket.socket:
    """Bind, but do not listen: connections are refused until the application has started."""
    family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    if host == "::" and not socket.has_dualstack_ipv6():
        family, address = socket.AF_INET, ("", port)
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:  # asyncio would make `::` IPv6 alone
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, host != "::")
    listener.bind(address)
    return listener


class PlainAddresses:
    """Writes IPv4 clients of an IPv6 socket (`::ffff:192.0.2.1`) as FORWARDED_ALLOW_IPS does."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if client := scope.get("client"):
            scope["client"] = (client[0].removeprefix("::ffff:"), client[1])
        await self.app(scope, receive, send)


class Server(uvicorn.Server):
    """uvicorn, which on a signal drains before it shuts down."""

    def __init__(self, config: uvicorn.Config, drain: Drain, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self.drain = drain
        self.ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        host, port, *_ = self.servers[0].sockets[0].getsockname()
        log.info("listening", host=host, port=port, pid=os.getpid())
        self.ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if not hasattr(self, "servers"):  # uvicorn is still booting and has accepted nothing
            os._exit(0)
        self.drain.begin(self.stop)

    def stop(self) -> None:
        self.should_exit = True
