"""An example to learn from and delete: notes, and how many words they have."""

from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from .db import Session
from .models import Note

router = APIRouter(prefix="/notes", tags=["notes"])

MAX_ID = 2**63 - 1


class NewNote(BaseModel):
    """What a client sends. Postgres stores no NUL character."""

    text: Annotated[str, Field(min_length=1, max_length=10_000, pattern=r"^[^\x00]*$")]


class StoredNote(BaseModel):
    """What a client gets."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    text: str
    words: int | None


@router.post("", status_code=201, response_model=StoredNote)
async def create(new: NewNote, session: Session, response: Response) -> Note:
    note = Note(text=new.text, words=len(new.text.split()))
    session.add(note)
    await session.flush()  # for its id
    response.headers["Location"] = f"/notes/{note.id}"
    return note


@router.get("/{note_id}", response_model=StoredNote)
async def read(note_id: Annotated[int, Path(ge=1, le=MAX_ID)], session: Session) -> Note:
    if note := await session.get(Note, note_id):
        return note
    raise HTTPException(404, "There is no such note.")


@router.get("", response_model=list[StoredNote])
async def list_page(
    session: Session,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    after: Annotated[int, Query(ge=0, le=MAX_ID)] = 0,
) -> list[Note]:
    """The notes whose id is above `after`, oldest first."""
    page = select(Note).where(Note.id > after).order_by(Note.id).limit(limit)
    return list(await session.scalars(page))
