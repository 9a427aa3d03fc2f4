"""The jobs: yours. Each may run more than once, so it ends in the same state every time."""

from django.db import transaction
from procrastinate.contrib.django import app

from .models import Note
from .runtime.jobs_queue import RETRY


@app.task(name="count_words", retry=RETRY)
@transaction.atomic
def count_words(note_id: int) -> None:
    """Fill in how many words a note has."""
    if note := Note.objects.filter(id=note_id).first():
        note.words = len(note.text.split())
        note.save(update_fields=["words"])
