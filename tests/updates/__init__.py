"""The corpus of updates: what users do to a service, and what an update leaves of it. `nox -s updates`."""

from . import own_code, own_files

__all__ = ["own_code", "own_files"]  # which fill edits.EDITS
