"""`breakpoint()` calls this under `python -m dev`, which reads the output of its processes."""

import os
import pdb
import sys
from pathlib import Path


def stop() -> None:
    """Stop in the caller, and talk to the terminal of `python -m dev`."""
    terminal = Path(os.ttyname(0))
    pdb.Pdb(stdin=terminal.open(), stdout=terminal.open("w")).set_trace(sys._getframe(1))
