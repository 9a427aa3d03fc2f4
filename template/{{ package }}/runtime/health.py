"""What platforms ask: /livez, is the process alive, and /readyz, should it get requests."""

from typing import Any

from .drain import Drain

PATHS = frozenset({"/livez", "/readyz"})


async def answer(path: str, drain: Drain) -> tuple[int, dict[str, Any]]:
    """Return the status and the document for one of PATHS."""
    if path == "/readyz" and drain.draining:
        return 503, {"status": "draining"}
    return 200, {"status": "ok"}
