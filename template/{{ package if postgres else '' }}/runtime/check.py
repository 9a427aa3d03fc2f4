"""`check`: reach what the configuration names, and say how it stands."""

import asyncio

import structlog

from ..settings import Settings
from . import health, migrate
from .postgres import Database

log = structlog.get_logger(__name__)


def run(settings: Settings) -> int:
    """Return 0 where `web` could serve with these settings, else 1."""
    reached = asyncio.run(_reach(settings))
    behind = reached and migrate.is_behind(settings)
    if behind:
        log.error("schema is behind", missing="run `release`")
    return 0 if reached and not behind else 1


async def _reach(settings: Settings) -> bool:
    database = Database(settings)
    answers = await health.ask({"postgres": database.ping})
    await database.close()
    for name, reason, duration_ms in answers:
        if reason:
            log.error("service unavailable", service=name, reason=reason)
        else:
            log.info("service reached", service=name, duration_ms=duration_ms)
    return not any(reason for _, reason, _ in answers)
