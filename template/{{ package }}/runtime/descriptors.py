"""Maintained by `copier update`. Ends a process that is out of file descriptors.

Without a free one, the event loop closes new connections and logs nothing. Such a process serves
nobody, so it ends after PATIENCE_SECONDS, and the platform starts another one.
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
    """Start the thread that watches."""
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
            os.kill(os.getpid(), signal.SIGTERM)  # starts the drain
            return


def _is_one_free() -> bool:
    try:
        os.close(os.dup(1))
    except OSError:
        return False
    return True
