"""Slipway's: kept current by `copier update`. The last tick of each schedule, in Redis.

It is moved on first, and the job enqueued next: a clock that is killed in between loses that tick.
"""

from collections.abc import Callable
from datetime import UTC, datetime

from .redis_client import Redis

type Enqueue = Callable[[], object]

KEY = "clock"  # a sorted set: the time of the last tick, by the name of its schedule


class Ticks:
    """What all clocks together have enqueued."""

    def __init__(self, redis: Redis) -> None:
        self.client = redis.client
        self.held: tuple[str, datetime] | None = None

    def last(self, schedule: str, now: datetime) -> datetime:
        """Return the last tick; a schedule that is new begins now."""
        self.client.zadd(KEY, {schedule: now.timestamp()}, nx=True)
        score = self.client.zscore(KEY, schedule)
        return datetime.fromtimestamp(score, UTC) if score else now

    def enqueue(self, schedule: str, tick: datetime, enqueue: Enqueue) -> bool:
        """Enqueue what this tick brings, unless another clock has, and return whether."""
        if self.held != (schedule, tick):
            if not self.client.zadd(KEY, {schedule: tick.timestamp()}, gt=True, ch=True):
                return False
            self.held = schedule, tick  # until it is enqueued, though Redis be away in between
        enqueue()
        self.held = None
        return True
