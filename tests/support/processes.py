"""What Linux knows about running processes."""

import os
import signal
from pathlib import Path


def group(pgid: int) -> list[int]:
    """Return the processes of a group, without zombies."""
    members = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, _parent, its_group = (folder / "stat").read_text().rpartition(")")[2].split()[:3]
        except (FileNotFoundError, ProcessLookupError):  # it has just ended
            continue
        if int(its_group) == pgid and state not in "ZX":
            members.append(int(folder.name))
    return members


def children(pid: int) -> list[int]:
    """Return the processes that a process has started."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def handles(pid: int, signum: signal.Signals) -> bool:
    """Tell whether a process has a handler for a signal. (`unshare` blocks some signals before it execs.)"""
    fields = dict(line.split(":\t") for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return bool(int(fields["SigCgt"], 16) >> (signum - 1) & 1)


def has_loaded(pid: int, library: str) -> bool:
    """Tell whether a process has mapped a library of that name."""
    return library in Path(f"/proc/{pid}/maps").read_text()


def memory(pid: int) -> int:
    """Return how many bytes of memory a process has in use."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
