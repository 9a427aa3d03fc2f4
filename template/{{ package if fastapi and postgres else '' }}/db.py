"""Database sessions, for requests and for jobs."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends
from sqlalchemy.ext.asyncio import AsyncSession

from .runtime.postgres import Transaction
from .services import Services


def transaction() -> Transaction:
    """Give a session: `async with transaction() as session`, or `with` in code that blocks."""
    return Services.current().postgres.transaction()


async def _session() -> AsyncIterator[AsyncSession]:
    async with transaction() as session:
        yield session


# One transaction a request. scope="function" commits before the response is sent: with FastAPI's
# default a client would see 201 although the commit fails.
Session = Annotated[AsyncSession, Depends(_session, scope="function")]
