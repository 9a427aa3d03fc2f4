"""Readable events: each JSON line of a process becomes one line that fits a terminal."""

import json
from typing import Any

COLOURS = {"debug": 36, "info": 32, "warning": 33, "error": 31, "critical": 31}
# Fields that the prefix of the line shows already, and those that tell a developer nothing.
LEFT_OUT = ("timestamp", "logger", "process", "exception", "request_id", "client", "bytes")
FIRST = ("status", "method", "path", "duration_ms", "port")
IN_USE = "another process listens there: stop it, or set another PORT in .env"


def parse(line: bytes) -> dict[str, Any] | None:
    """Return the event in a line, or nothing for any other line."""
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and {"event", "level"} <= event.keys() else None


def lines(event: dict[str, Any], *, colours: bool) -> list[str]:
    """Return the level, the event and its own fields; then the traceback, if there is one."""
    level, exception = event.pop("level"), str(event.get("exception", ""))
    name, problems = event["event"], event.pop("problems", {})
    mark = f"\x1b[{COLOURS.get(level, 0)}m{level:8}\x1b[0m" if colours else f"{level:8}"
    if "ddress already in use" in exception:
        return [f"{mark} {name}: {IN_USE}"]
    keys = [key for key in FIRST if key in event]
    keys += [key for key in event if key not in (*FIRST, *LEFT_OUT, "event")]
    values = [_value(key, event[key]) for key in keys if event[key] not in (None, "")]
    if isinstance(problems, dict):
        exception += "\n".join(f"  {variable}: {text}" for variable, text in problems.items())
    return [" ".join([mark, name, *values]), *exception.splitlines()]


def _value(key: str, value: Any) -> str:
    if key == "duration_ms":
        return f"{value} ms"
    text = value if isinstance(value, str) else json.dumps(value)
    return text if key in FIRST and key != "port" else f"{key}={text}"
