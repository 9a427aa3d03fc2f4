"""Slipway's: kept current by `copier update`. What `web` answers by itself, and adds to answers."""

import os
import re
import time
from http import HTTPStatus
from typing import Any

import orjson
import structlog

from .drain import drain
from .services import Attached

log = structlog.get_logger(__name__)

HEALTH_PATHS = frozenset({"/livez", "/readyz"})
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,200}")
SECURITY_HEADERS = {
    "referrer-policy": "strict-origin-when-cross-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
CONTENT_POLICY = ("content-security-policy", "default-src 'none'; frame-ancestors 'none'")
PAGE_POLICY = (
    "content-security-policy",
    "frame-ancestors 'none'; object-src 'none'; base-uri 'none'",
)
HSTS = ("strict-transport-security", "max-age=31536000")  # a year
# After a refusal, how much of the body is still read: a client that sends without reading would
# otherwise see only a connection reset.
DISCARD_BYTES, DISCARD_SECONDS = 16 * 1024 * 1024, 1


def request_id(given: str) -> str:
    """Return the router's id if it is valid, else a new one."""
    return given if REQUEST_ID.fullmatch(given) else os.urandom(16).hex()


def problem(status: int) -> bytes:
    """Return a problem document (RFC 9457) with the id of the request."""
    known = structlog.contextvars.get_contextvars()
    title = HTTPStatus(status).phrase
    return orjson.dumps({"title": title, "status": status, "request_id": known.get("request_id")})


async def health(path: str, services: Attached) -> tuple[int, dict[str, Any]]:
    """Return the status and the document for one of HEALTH_PATHS."""
    if path == "/livez":
        return 200, {"status": "ok"}
    if drain.draining:
        return 503, {"status": "draining"}
    failing = {name: reason for name, reason, _ in await services.ask() if reason}
    if failing:
        return 503, {"status": "unavailable", "failing": failing}
    return 200, {"status": "ok"}


_logged: dict[str, float] = {}  # by its reason, when an outage was last logged, in seconds


def log_failure(error: BaseException, services: Attached, **request: str) -> int:
    """Log what has failed, and return the status to answer it with: 503 for an outage, else 500."""
    if outage := services.outage(error):
        log_outage(*outage)
        return 503
    log.error("request failed", **request, exc_info=error)
    return 500


def log_outage(service: str, reason: str) -> None:
    """Log an outage once a second, however many requests it costs."""
    now = time.monotonic()
    if now - _logged.get(reason, -1) >= 1:
        _logged[reason] = now
        log.error("service unavailable", service=service, reason=reason)
