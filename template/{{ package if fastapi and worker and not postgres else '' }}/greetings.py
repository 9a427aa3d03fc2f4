"""An example to learn from and delete: greetings, which a job says."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from .jobs import greet

router = APIRouter(prefix="/greetings", tags=["greetings"])


class NewGreeting(BaseModel):
    """What a client sends."""

    name: Annotated[str, Field(min_length=1, max_length=100)]


# Not `async`, so that it runs in a thread: dramatiq waits for Redis without giving way to others.
@router.post("", status_code=202)
def create(new: NewGreeting) -> dict[str, str]:
    """Enqueue a greeting, and say which job it is."""
    return {"job": greet.send(new.name).message_id}
