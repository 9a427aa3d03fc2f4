"""Slipway's: kept current by `copier update`. `shell`: a console, or the script on stdin."""

import code
import signal
import sys
from typing import Any


def run(names: dict[str, Any]) -> int:
    """Run a console, or the script on stdin, with these names."""
    if not sys.stdin.isatty():
        exec(sys.stdin.read(), names)  # noqa: S102, a console is for that
        return 0
    signal.signal(signal.SIGINT, signal.default_int_handler)
    code.interact(f"Loaded: {', '.join(names)}", local=names, exitmsg="")
    return 0
