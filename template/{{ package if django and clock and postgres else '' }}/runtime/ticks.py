"""Slipway's: kept current by `copier update`. The last tick of each schedule, in Postgres.

The job of a tick is enqueued there too, in one transaction: if a clock is killed, the tick is
enqueued or left to another.
"""

from collections.abc import Callable
from datetime import datetime

from django.db import close_old_connections, transaction

from .models import Tick

type Enqueue = Callable[[], object]


class Ticks:
    """What all clocks together have enqueued."""

    def last(self, schedule: str, now: datetime) -> datetime:
        """Return the last tick; a schedule that is new begins now."""
        close_old_connections()  # the pool then gives one that works
        tick, _ = Tick.objects.get_or_create(schedule=schedule, defaults={"at": now})
        return tick.at

    def enqueue(self, schedule: str, tick: datetime, enqueue: Enqueue) -> bool:
        """Enqueue what this tick brings, unless another clock has, and return whether."""
        close_old_connections()
        with transaction.atomic():  # which waits for a clock that is doing the same
            if not Tick.objects.filter(schedule=schedule, at__lt=tick).update(at=tick):
                return False
            enqueue()
            return True
