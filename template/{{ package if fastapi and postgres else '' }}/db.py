"""The database in a request."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession

from .runtime.postgres import Database


async def _session(request: Request) -> AsyncIterator[AsyncSession]:
    database: Database = request.app.state.database
    async with database.transaction() as session:
        yield session


# One transaction a request. scope="function" commits before the response is sent: with FastAPI's
# default a client would see 201 although the commit fails.
Session = Annotated[AsyncSession, Depends(_session, scope="function")]
