"""Maintained by `copier update`. The outbox: jobs of committed transactions.

Workers move them to Redis, about half a second later, or once Redis is back. A move that is
interrupted is repeated, so each job arrives at least once.
"""

import threading

import structlog
from django.db import connection, transaction

from . import jobs_queue
from .models import Outgoing
from .services import Attached

log = structlog.get_logger(__name__)

POLL_SECONDS = 0.5
BATCH = 100


def enqueue(job: jobs_queue.Enqueued) -> None:
    """Enqueue a job once the transaction is committed."""
    Outgoing.objects.bulk_create([Outgoing(message=message) for message in jobs_queue.encode(job)])


class Relay(threading.Thread):
    """Moves the jobs of committed transactions to Redis, until it is stopped."""

    def __init__(self, services: Attached) -> None:
        super().__init__(name="relay", daemon=True)
        self.services = services
        self.stopped = threading.Event()

    def run(self) -> None:
        # The connection of this thread is its own: jobs may take all those of the pool.
        while not self.stopped.is_set():
            try:
                if self.move() < BATCH:
                    self.stopped.wait(POLL_SECONDS)
            except Exception as error:
                connection.close()
                if outage := self.services.outage(error):
                    service, reason = outage
                    log.error("service unavailable", service=service, reason=reason)
                else:
                    log.exception("relay failed")
                self.stopped.wait(1)

    def move(self) -> int:
        """Move jobs that no other worker is moving to Redis, and return their number."""
        with transaction.atomic():
            found = Outgoing.objects.select_for_update(skip_locked=True).order_by("id")[:BATCH]
            moved = []
            for row in found:
                jobs_queue.send_encoded(row.message)
                moved.append(row.id)
            if moved:
                Outgoing.objects.filter(id__in=moved).delete()
        return len(moved)

    def stop(self) -> None:
        """Stop, and return when the current move has ended."""
        self.stopped.set()
        self.join()
