"""The outbox: jobs that exist if the transaction which enqueues them is committed.

Each worker moves them to Redis, about half a second later, or once Redis is back. Where that is
cut short it is done again, so that a job may run twice, and never not at all.
"""

import threading

import structlog
from sqlalchemy import BigInteger, Connection, Identity, Text, delete, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, Session, mapped_column

from ..models import Base
from ..settings import Settings
from . import health, queue
from .postgres import sync_engine

log = structlog.get_logger(__name__)

POLL_SECONDS = 0.5
BATCH = 100


class Outgoing(Base):
    """A job on its way to Redis."""

    __tablename__ = "outbox"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    message: Mapped[str] = mapped_column(Text)


def enqueue(session: AsyncSession | Session, job: queue.Outgoing) -> None:
    """Enqueue a job once the transaction is committed."""
    session.add(Outgoing(message=queue.encode(job)))


class Relay(threading.Thread):
    """Moves the jobs of committed transactions to Redis, until it is stopped."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(name="relay", daemon=True)
        self.engine = sync_engine(settings)
        self.stopped = threading.Event()

    def run(self) -> None:
        while not self.stopped.is_set():
            try:
                with self.engine.connect() as connection:
                    while not self.stopped.is_set():
                        if self.move(connection) < BATCH:
                            self.stopped.wait(POLL_SECONDS)
            except Exception as error:
                if known := health.outage(error):
                    service, reason = known
                    log.error("service unavailable", service=service, reason=reason)
                else:
                    log.exception("relay failed")
                self.stopped.wait(1)

    def move(self, connection: Connection) -> int:
        """Enqueue what no other worker is enqueueing, and return how much that was."""
        with connection.begin():
            found = connection.execute(
                select(Outgoing.id, Outgoing.message)
                .order_by(Outgoing.id)
                .limit(BATCH)
                .with_for_update(skip_locked=True)
            ).all()
            if found:
                for row in found:
                    queue.put(row.message)
                moved = [row.id for row in found]
                connection.execute(delete(Outgoing).where(Outgoing.id.in_(moved)))
        return len(found)

    def stop(self) -> None:
        """Return when the last job is moved."""
        self.stopped.set()
        self.join()
