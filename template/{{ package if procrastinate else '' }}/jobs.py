"""The jobs: yours. Each may run more than once, so it ends in the same state every time."""

from procrastinate import JobContext

from .models import Note
from .runtime.postgres import Database
from .runtime.queue import RETRY, app


@app.task(name="count_words", retry=RETRY, pass_context=True)
async def count_words(context: JobContext, *, note_id: int) -> None:
    """Fill in how many words a note has."""
    database: Database = context.additional_context["database"]
    async with database.transaction() as session:
        if note := await session.get(Note, note_id):
            note.words = len(note.text.split())
