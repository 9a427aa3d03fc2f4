"""One event a line on stdout, whoever speaks: the service, a library, a `print`, a crash."""

import contextlib
import io
import json
import logging
import os
import sys
import threading
from typing import Any

import orjson
import structlog
from structlog.typing import EventDict, ExcInfo, Processor, WrappedLogger

MAX_LINE_BYTES = 8000  # Heroku's Logplex cuts lines at 10,000 bytes, which would break the JSON
FIRST_KEYS = ("timestamp", "level", "event", "logger", "process")


def configure(process: str, level: str = "info", log_format: str = "auto") -> None:
    """Send every event of this process to stdout. Called again when the settings are known."""
    console = log_format == "console" or (log_format == "auto" and os.isatty(1))

    def add_process(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event.setdefault("process", process)
        return event

    render: list[Processor] = (
        [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback), _encode]
        if console
        else [structlog.processors.format_exc_info, _render_json]
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            add_process,
            *render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=_Stdout,
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=level.upper(), handlers=[_Forward()], force=True)
    logging.captureWarnings(True)
    # uvicorn would tell a second time of its start, its stop, each request and what fails in them.
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    logging.getLogger("uvicorn.error").addFilter(_is_news)
    logging.getLogger("uvicorn.access").disabled = True


def capture_output() -> None:
    """Turn into events what would reach stdout or stderr around the logger, crashes included."""
    sys.stdout = _stream("stdout", logging.INFO)
    sys.stderr = _stream("stderr", logging.WARNING)
    os.dup2(1, 2)  # for what is written below Python, and by child processes
    crash = structlog.get_logger("crash")

    def main_thread(*exc_info: Any) -> None:
        crash.critical("crashed", exc_info=exc_info)

    def other_thread(args: threading.ExceptHookArgs) -> None:
        if args.exc_type is not SystemExit:
            name = args.thread.name if args.thread else None
            crash.error("thread crashed", thread=name, exc_info=_exc_info(args))

    def unraisable(args: Any) -> None:  # sys.UnraisableHookArgs exists for type checkers only
        crash.error("exception ignored", where=repr(args.object), exc_info=_exc_info(args))

    sys.excepthook, threading.excepthook, sys.unraisablehook = main_thread, other_thread, unraisable


def _is_news(record: logging.LogRecord) -> bool:
    return not record.msg.startswith(("Application ", "ASGI callable "))


def _exc_info(args: Any) -> ExcInfo:
    return args.exc_type, args.exc_value or args.exc_type(), args.exc_traceback


def _encode(_logger: WrappedLogger, _method: str, line: Any) -> bytes:
    return str(line).encode(errors="backslashreplace")


def _render_json(_logger: WrappedLogger, _method: str, event: EventDict) -> bytes:
    event = {**{key: event.pop(key) for key in FIRST_KEYS}, **event}
    line = _dumps(event)
    for keep in (3000, 1000, 250):  # characters, of which JSON may make six bytes each
        if len(line) > MAX_LINE_BYTES:
            line = _dumps({key: _shorten(value, keep) for key, value in event.items()})
    if len(line) > MAX_LINE_BYTES:  # very many keys
        line = _dumps({key: _shorten(event[key], 250) for key in FIRST_KEYS})
    return line


def _dumps(event: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(event, default=repr, option=orjson.OPT_NON_STR_KEYS)
    except TypeError:  # lone surrogates, integers over 64 bits
        return json.dumps(event, default=repr, skipkeys=True).encode()


def _shorten(value: Any, keep: int) -> Any:
    """Cut the middle out of a long value: a traceback says most at its two ends."""
    if isinstance(value, int | float | None):
        return value
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= keep else f"{text[: keep // 4]} […] {text[-(keep - keep // 4) :]}"


class _Stdout:
    """Writes each line with one write(2), so that processes never mix theirs."""

    def __init__(self, name: str = "root") -> None:
        self.name = name

    def msg(self, line: bytes) -> None:
        rest = memoryview(line + b"\n")
        with contextlib.suppress(BrokenPipeError):  # nobody reads any more; the service goes on
            while rest:
                rest = rest[os.write(1, rest) :]

    debug = info = warning = error = critical = exception = msg


class _Forward(logging.Handler):
    """Passes on the events of libraries that use `logging`."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            log = structlog.get_logger(record.name)
            level = min(max(record.levelno // 10 * 10, logging.DEBUG), logging.CRITICAL)
            log.log(level, record.getMessage(), exc_info=record.exc_info)
        except Exception:
            self.handleError(record)


def _stream(name: str, level: int) -> io.TextIOWrapper:
    return io.TextIOWrapper(_Lines(name, level), "utf-8", "backslashreplace", line_buffering=True)


class _Lines(io.RawIOBase):
    """The raw end of a text stream whose lines become events."""

    def __init__(self, name: str, level: int) -> None:
        self.name, self.level = name, level

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        for line in filter(None, bytes(data).decode().splitlines()):
            structlog.get_logger(self.name).log(self.level, line)
        return len(data)

    def fileno(self) -> int:
        return 1
