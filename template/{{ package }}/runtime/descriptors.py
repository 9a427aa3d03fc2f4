"""Slipway's: kept current by `copier update`. Ends a process that has no file descriptors left.

Without one, the event loop closes new connections and logs nothing. A process in that state serves
nobody: after a while it ends, so that the platform starts another.
"""

import os
import resource
import signal
import threading
import time

import structlog

log = structlog.get_logger(__name__)

CHECK_SECONDS = 1
PATIENCE_SECONDS = 30


def watch() -> None:
    """Watch from now on, in a thread."""
    threading.Thread(target=_watch, name="descriptors", daemon=True).start()


def _watch() -> None:
    missing_since: float | None = None
    while True:
        time.sleep(CHECK_SECONDS)
        if _is_one_free():
            if missing_since:
                log.info("file descriptors are free")
            missing_since = None
        elif missing_since is None:
            missing_since = time.monotonic()
            limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
            log.error("out of file descriptors", limit=limit)
        elif time.monotonic() - missing_since > PATIENCE_SECONDS:
            log.critical("out of file descriptors for too long", seconds=PATIENCE_SECONDS)
            os.kill(os.getpid(), signal.SIGTERM)  # drains
            return


def _is_one_free() -> bool:
    try:
        os.close(os.dup(1))
    except OSError:
        return False
    return True
