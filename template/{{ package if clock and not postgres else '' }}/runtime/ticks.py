"""Maintained by `copier update`. The last tick of each schedule, in Redis.

A clock stores a tick and then enqueues its jobs: if it is killed in between, the tick is lost.
"""

from collections.abc import Callable
from datetime import UTC, datetime

from .redis_client import Redis

type Enqueue = Callable[[], object]

KEY = "clock"  # a sorted set: the time of the last tick, by the name of its schedule


class Ticks:
    """The ticks that all clocks together have enqueued."""

    def __init__(self, redis: Redis) -> None:
        self.client = redis.client
        self.held: tuple[str, datetime] | None = None

    def last(self, schedule: str, now: datetime) -> datetime:
        """Return the last tick; a new schedule begins now."""
        self.client.zadd(KEY, {schedule: now.timestamp()}, nx=True)
        score = self.client.zscore(KEY, schedule)
        return datetime.fromtimestamp(score, UTC) if score else now

    def enqueue(self, schedule: str, tick: datetime, enqueue: Enqueue) -> bool:
        """Enqueue the jobs of a tick, unless another clock did; return whether it was this one."""
        if self.held != (schedule, tick):
            if not self.client.zadd(KEY, {schedule: tick.timestamp()}, gt=True, ch=True):
                return False
            self.held = schedule, tick  # until it is enqueued, even if Redis is away
        enqueue()
        self.held = None
        return True
