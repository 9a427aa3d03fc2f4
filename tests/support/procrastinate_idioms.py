"""What the documentation of procrastinate enqueues inside a request."""

# A request that takes AlreadyEnqueued of procrastinate for an answer, by the kind of its framework.
TWICE = {
    "asgi": """
import asyncio
from procrastinate import PsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued
from {name}.runtime import queue

async def main():
    database = Database(settings)
    async with database.transaction() as session:
        session.add(Note(text="first"))
        for _ in range(2):
            try:
                connection = await queue.connection_of(session)
                await count_words.configure(queueing_lock="one", connection=connection).{defer}
            except AlreadyEnqueued:
                print("already enqueued")
        session.add(Note(text="last"))
    await database.close()

with queue.app.replace_connector(PsycopgConnector()):  # as `web` has it
    asyncio.run(main())
""",
    "wsgi": """
from procrastinate.exceptions import AlreadyEnqueued
from {name}.runtime.queue import connection_of

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
