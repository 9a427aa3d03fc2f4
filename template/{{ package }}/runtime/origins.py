"""Maintained by `copier update`. The step that implements CORS."""

from collections.abc import Collection
from typing import Any

from .asgi import App, Header, Message, Receive, Send, Step, add, refuse_websocket

PREFLIGHT_SECONDS = 600
"""How long a browser may cache the answer to a preflight request."""


class Origins(Step):
    """Lets pages of the origins in CORS_ORIGINS call the service; `*` is all.

    Websockets from pages of all other origins are refused, because browsers would allow them.
    Clients that are not browsers send no `Origin`, and pass.
    """

    def __init__(self, app: App, allowed: Collection[str] | None) -> None:
        super().__init__(app)
        self.allowed = {origin.encode() for origin in allowed or ()}

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            headers = dict(scope["headers"])
            origin = headers.get(b"origin", b"").lower()
            is_own = origin.partition(b"://")[2] == headers.get(b"host", b"").lower()
            if origin and not (is_own or self.allows(origin)):
                return await refuse_websocket(scope, send, 403)
        if scope["type"] == "http" and self.allowed:
            return await self.http(scope, receive, send)
        await self.app(scope, receive, send)

    def allows(self, origin: bytes) -> bool:
        """Tell whether CORS_ORIGINS names this origin."""
        return b"*" in self.allowed or origin in self.allowed

    async def http(self, scope: Any, receive: Receive, send: Send) -> None:
        """Answer a preflight request, or add the CORS headers to the response."""
        headers = dict(scope["headers"])
        origin = headers.get(b"origin")
        added: list[Header] = []
        if origin and self.allows(origin):
            added.append((b"access-control-allow-origin", origin))
            method = headers.get(b"access-control-request-method")
            if scope["method"] == "OPTIONS" and method:
                names = headers.get(b"access-control-request-headers", b"")
                added += [
                    (b"access-control-allow-methods", method),
                    (b"access-control-allow-headers", names),
                    (b"access-control-max-age", str(PREFLIGHT_SECONDS).encode()),
                    (b"vary", b"Origin, Access-Control-Request-Method"),
                ]
                await send({"type": "http.response.start", "status": 204, "headers": added})
                return await send({"type": "http.response.body"})
            added.append((b"access-control-expose-headers", b"X-Request-ID"))

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = add(message, *added)
                message["headers"].append((b"vary", b"Origin"))
            await send(message)

        await self.app(scope, receive, send_with_headers)
