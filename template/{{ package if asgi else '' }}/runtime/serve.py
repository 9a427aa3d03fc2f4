"""Slipway's: kept current by `copier update`. `web`: uvicorn, with a drain before its shutdown."""

import os
import socket
from collections.abc import Callable
from types import FrameType
from typing import Any

import structlog
import uvicorn

from .config import RuntimeSettings, log_start
from .deadlines import KILL_SECONDS
from .drain import drain
from .http import App, Message, Receive, Send
from .listener import KEEP_ALIVE_SECONDS, bind
from .services import Attached
from .supervise import Supervisor

log = structlog.get_logger(__name__)


def run(app: App, settings: RuntimeSettings, services: Attached) -> int:
    """Serve until a signal ends it, and return the exit status."""
    listener = bind(settings.host, settings.port)
    log_start(settings)
    config = uvicorn.Config(
        Lifespan(app, services),
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=settings.shutdown_grace_seconds,  # type: ignore[arg-type]
    )

    def serve(ready: Callable[[], None] = lambda: None) -> int:
        Server(config, settings, ready).run([listener])
        log.info("stopped")
        return 0

    if settings.web_concurrency == 1:
        return serve()
    patience = settings.shutdown_drain_seconds + settings.shutdown_grace_seconds + KILL_SECONDS
    return Supervisor(settings.web_concurrency, serve, listener, patience).run()


class Server(uvicorn.Server):
    """uvicorn, which on a signal drains before it shuts down."""

    def __init__(
        self, config: uvicorn.Config, settings: RuntimeSettings, ready: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self.settings = settings
        self.ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        host, port, *_ = self.servers[0].sockets[0].getsockname()
        log.info("listening", host=host, port=port, pid=os.getpid())
        self.ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if not hasattr(self, "servers"):  # uvicorn is still booting and has accepted nothing
            os._exit(0)
        settings = self.settings
        drain.begin(settings.shutdown_drain_seconds, settings.shutdown_grace_seconds, self.stop)

    def stop(self) -> None:
        self.should_exit = True


class Lifespan:
    """Opens the services before the application starts, and closes them after it has stopped."""

    def __init__(self, app: App, services: Attached) -> None:
        self.app, self.services = app, services

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            return await self.app(scope, receive, send)
        event = "cannot start"

        async def send_after_closing(message: Message) -> None:
            nonlocal event
            if message["type"] == "lifespan.startup.complete":
                event = "cannot stop"
            elif message["type"].startswith("lifespan.shutdown"):
                await self.services.close()
            message.pop("message", None)  # the traceback, which uvicorn would log as plain text
            await send(message)

        try:
            await self.services.open()
            await self.app(scope, receive, send_after_closing)
        except Exception:
            log.critical(event, exc_info=True)
            raise
