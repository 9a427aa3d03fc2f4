"""Clocks of a service, and what they enqueue."""

from collections import Counter
from datetime import datetime, timedelta

from tests.conftest import Start

from . import postgres as pg
from . import redis
from .project import Project
from .service import Service

SECOND = timedelta(seconds=1)


class Clocks:
    """Starts clocks of the service, and counts what they have enqueued."""

    def __init__(self, project: Project, start: Start, server: redis.Server, database: pg.Database | None):
        self.project, self.start, self.server, self.database = project, start, server, database
        self.started: list[Service] = []

    def clock(self, *, wait: bool = True) -> Service:
        """Start one."""
        self.started.append(self.start(process="clock"))
        if wait:
            self.started[-1].wait_event("ticking")
        return self.started[-1]

    def ticks(self) -> Counter[datetime]:
        """Return how often each tick was enqueued, as the clocks tell."""
        events = (event for clock in self.started for event in clock.find("tick"))
        return Counter(datetime.fromisoformat(event["at"]) for event in events)

    def enqueued(self) -> int:
        """Return how many jobs wait, where no worker runs."""
        if self.database:
            return int(self.database.execute("SELECT count(*) FROM outbox")[0][0])
        return int(self.server.client.llen("dramatiq:default"))

    def stop(self) -> None:
        """Stop those that run, and see that they end as they should."""
        for clock in self.started:
            if clock.process.poll() is None:
                clock.terminate("all")
                assert clock.wait() == 0

    def missed(self) -> list[datetime]:
        """Return the ticks that nobody has enqueued, between the first and the last."""
        ticks = self.ticks()
        count = (max(ticks) - min(ticks)) // SECOND
        return [tick for tick in (min(ticks) + n * SECOND for n in range(count)) if tick not in ticks]
