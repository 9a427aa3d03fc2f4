"""Litestar, bare."""

from litestar import Litestar, get


@get("/")
async def index() -> dict[str, str]:
    """Answer about as long as the emitted index."""
    return {"service": "order-desk", "version": "unreleased"}


app = Litestar([index], openapi_config=None)
