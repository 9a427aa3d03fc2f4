"""Maintained by `copier update`. `shell`: opens a console, or runs the script on stdin."""

import code
import signal
import sys
from typing import Any


def run(names: dict[str, Any]) -> int:
    """Run a console, or the script on stdin, with these names."""
    if not sys.stdin.isatty():
        exec(sys.stdin.read(), names)  # noqa: S102, the purpose of a console
        return 0
    signal.signal(signal.SIGINT, signal.default_int_handler)
    code.interact(f"Loaded: {', '.join(names)}", local=names, exitmsg="")
    return 0
