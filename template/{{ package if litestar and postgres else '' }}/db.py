"""The database in a request."""

from collections.abc import AsyncIterator

from litestar.datastructures import State
from litestar.di import NamedDependency
from sqlalchemy.ext.asyncio import AsyncSession

from .runtime.postgres import Database

Session = NamedDependency[AsyncSession]


async def provide_session(state: State) -> AsyncIterator[AsyncSession]:
    """One transaction a request: Litestar ends it, and so commits, before it sends the response."""
    database: Database = state.database
    async with database.transaction() as session:
        yield session
