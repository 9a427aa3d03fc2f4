"""Slipway's: kept current by `copier update`. What happens in the two seconds after the grace.

What outlasts SHUTDOWN_GRACE_SECONDS is cut, and the process has ended 2 s later. These are the
seconds from the end of the grace.
"""

GIVE_BACK_SECONDS = 0.2
"""A worker gives back the jobs that still run."""
CUT_SECONDS = 0.8
"""A process that could not end by itself ends at once."""
LAST_WORD_SECONDS = 0.3
"""After which it ends also where its log is blocked."""
KILL_SECONDS = 1.3
"""A supervisor kills a child that still runs."""
