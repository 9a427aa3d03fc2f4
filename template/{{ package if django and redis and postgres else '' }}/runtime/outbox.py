"""The outbox: jobs that exist if the transaction which enqueues them is committed.

Each worker moves them to Redis, about half a second later, or once Redis is back. Where that is
cut short it is done again, so that a job may run twice, and never not at all.
"""

import threading

import structlog
from django.db import connection, connections, transaction

from . import health, queue
from .models import Outgoing

log = structlog.get_logger(__name__)

POLL_SECONDS = 0.5
BATCH = 100


def enqueue(job: queue.Outgoing) -> None:
    """Enqueue a job once the transaction is committed."""
    Outgoing.objects.bulk_create([Outgoing(message=message) for message in queue.encode(job)])


class Relay(threading.Thread):
    """Moves the jobs of committed transactions to Redis, until it is stopped."""

    def __init__(self) -> None:
        super().__init__(name="relay", daemon=True)
        self.stopped = threading.Event()

    def run(self) -> None:
        # A pool of its own: jobs may take every connection of the others'.
        vars(connections["default"])["pools"] = {}
        while not self.stopped.is_set():
            try:
                if self.move() < BATCH:
                    self.stopped.wait(POLL_SECONDS)
            except Exception as error:
                connection.close()
                if known := health.outage(error):
                    service, reason = known
                    log.error("service unavailable", service=service, reason=reason)
                else:
                    log.exception("relay failed")
                self.stopped.wait(1)

    def move(self) -> int:
        """Enqueue what no other worker is enqueueing, and return how much that was."""
        with transaction.atomic():
            found = Outgoing.objects.select_for_update(skip_locked=True).order_by("id")[:BATCH]
            moved = []
            for row in found:
                queue.put(row.message)
                moved.append(row.id)
            if moved:
                Outgoing.objects.filter(id__in=moved).delete()
        return len(moved)

    def stop(self) -> None:
        """Return when the last job is moved."""
        self.stopped.set()
        self.join()
