"""What the documentation of procrastinate enqueues inside a request."""

# A request that takes AlreadyEnqueued of procrastinate for an answer, by the kind of its framework.
TWICE = {
    "asgi": """
import asyncio
from procrastinate.exceptions import AlreadyEnqueued
from {name}.db import transaction
from {name}.runtime.jobs_queue import connection_of

async def main():
    async with transaction() as session:
        session.add(Note(text="first"))
        for _ in range(2):
            try:
                connection = await connection_of(session)
                await count_words.configure(queueing_lock="one", connection=connection).{defer}
            except AlreadyEnqueued:
                print("already enqueued")
        session.add(Note(text="last"))
    await services.close()

asyncio.run(main())
""",
    "wsgi": """
from procrastinate.exceptions import AlreadyEnqueued
from {name}.runtime.jobs_queue import connection_of

session.add(Note(text="first"))
for _ in range(2):
    try:
        count_words.configure(queueing_lock="one", connection=connection_of(session)).{defer}
    except AlreadyEnqueued:
        print("already enqueued")
session.add(Note(text="last"))
session.commit()
""",
    "django": """
from procrastinate.exceptions import AlreadyEnqueued

from django.db import transaction

with transaction.atomic():
    Note.objects.create(text="first")
    for _ in range(2):
        try:
            count_words.configure(queueing_lock="one").{defer}
        except AlreadyEnqueued:
            print("already enqueued")
    Note.objects.create(text="last")
""",
}
