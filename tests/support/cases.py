"""A case of a test that enqueues jobs."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Case:
    """What to enqueue, and what to expect.

    `told` is what the jobs report, `after` the earliest time (seconds), and `kept` the number of kept jobs.
    """

    job: str
    told: list[list[Any]]
    after: float = 0
    outcomes: tuple[str, ...] = ()
    kept: int = 0
