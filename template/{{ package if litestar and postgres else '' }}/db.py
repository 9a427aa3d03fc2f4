"""Database sessions, for requests and for jobs."""

from collections.abc import AsyncIterator

from litestar.di import NamedDependency
from sqlalchemy.ext.asyncio import AsyncSession

from .runtime.postgres import Transaction
from .services import Services

Session = NamedDependency[AsyncSession]


def transaction() -> Transaction:
    """Give a session: `async with transaction() as session`, or `with` in code that blocks."""
    return Services.current().postgres.transaction()


async def provide_session() -> AsyncIterator[AsyncSession]:
    """One transaction a request: Litestar ends it, and so commits, before it sends the response."""
    async with transaction() as session:
        yield session
