"""Maintained by `copier update`. The last tick of each schedule, in Postgres.

A tick's jobs are enqueued there in the same transaction: if a clock is killed, the tick is either
enqueued or left to another clock.
"""

from collections.abc import Callable
from datetime import datetime

from django.db import close_old_connections, connection, transaction

from .models import Tick
from .transactions import is_lost

type Enqueue = Callable[[], object]


class Ticks:
    """The ticks that all clocks together have enqueued."""

    def last(self, schedule: str, now: datetime) -> datetime:
        """Return the last tick; a new schedule begins now."""
        close_old_connections()  # so that the next one is alive
        tick, _ = Tick.objects.get_or_create(schedule=schedule, defaults={"at": now})
        return tick.at

    def enqueue(self, schedule: str, tick: datetime, enqueue: Enqueue) -> bool:
        """Enqueue the jobs of a tick, unless another clock did; return whether it was this one."""
        close_old_connections()
        with transaction.atomic():  # waits for a clock that is doing the same
            if not Tick.objects.filter(schedule=schedule, at__lt=tick).update(at=tick):
                return False
            enqueue()
            if is_lost(connection):
                raise transaction.TransactionManagementError(
                    "All that the function enqueued is rolled back: it caught an error outside of a"
                    " savepoint (`with transaction.atomic(): …`), or called `set_rollback`."
                ) from getattr(connection, "rollback_exc", None)  # django-stubs lacks it
            return True
