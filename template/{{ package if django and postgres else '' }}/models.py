"""The tables: yours. After a change, run `python manage.py makemigrations`."""

from django.db import models
from django.db.models.functions import Now


class Note(models.Model):
    """A text and how many words it has."""

    text = models.TextField()
    words = models.IntegerField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "notes"

    def __str__(self) -> str:
        return self.text[:50]
