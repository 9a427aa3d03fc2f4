"""The admin, at /admin/: yours."""

from django.contrib import admin

from .models import Note


@admin.register(Note)
class NoteAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic in its stubs alone
    list_display = ("id", "__str__", "words", "created_at")
    search_fields = ("text",)
    show_full_result_count = False  # it would count every row
