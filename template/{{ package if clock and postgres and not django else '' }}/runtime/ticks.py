"""Maintained by `copier update`. The last tick of each schedule, in Postgres.

A tick's jobs are enqueued there in the same transaction: if a clock is killed, the tick is either
enqueued or left to another clock.
"""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import DateTime, Text, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from .postgres import Postgres
from .tables import RuntimeBase

type Enqueue = Callable[[Session], object]


class Tick(RuntimeBase):
    """The last tick of a schedule."""

    __tablename__ = "ticks"

    schedule: Mapped[str] = mapped_column(Text, primary_key=True)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class Ticks:
    """The ticks that all clocks together have enqueued."""

    def __init__(self, postgres: Postgres) -> None:
        self.engine = postgres.unpooled_engine(postgres.patience)

    def last(self, schedule: str, now: datetime) -> datetime:
        """Return the last tick; a new schedule begins now."""
        with Session(self.engine) as session, session.begin():
            new = insert(Tick).values(schedule=schedule, at=now)
            session.execute(new.on_conflict_do_nothing())
            return session.scalars(select(Tick.at).where(Tick.schedule == schedule)).one()

    def enqueue(self, schedule: str, tick: datetime, enqueue: Enqueue) -> bool:
        """Enqueue the jobs of a tick, unless another clock did; return whether it was this one."""
        with Session(self.engine) as session:
            new = insert(Tick).values(schedule=schedule, at=tick)
            moved = new.on_conflict_do_update(  # waits for a clock that is doing the same
                index_elements=[Tick.schedule], set_={"at": tick}, where=Tick.at < tick
            )
            if not session.scalar(moved.returning(Tick.schedule)):
                return False
            enqueue(session)
            session.commit()  # raises if the function has caught an error of the database
            stored = select(Tick.at).where(Tick.schedule == schedule, Tick.at >= tick)
            if not session.scalar(stored):
                raise RolledBackError
            return True


class RolledBackError(Exception):
    """The function has rolled back its session, and with it the tick."""

    def __init__(self) -> None:
        super().__init__(
            "The function has rolled back the session with which it enqueues. "
            "If you expect an error, use a savepoint: `with session.begin_nested(): …`."
        )
