"""Maintained by `copier update`. The jobs that failed at every attempt.

dramatiq keeps them for a week, as dead letters.
"""

from typing import Any

import dramatiq

from .jobs_queue import broker


class Failed:
    """The failed jobs, which `shell` calls `failed`."""

    def list(self, queue: str = "default") -> list[dramatiq.Message[Any]]:
        """Return the failed jobs. The options of each have the traceback of its last attempt."""
        found: Any = broker.client.hvals(f"{self._key(queue)}.msgs")
        return [dramatiq.Message.decode(data) for data in found]

    def retry(self, message: dramatiq.Message[Any]) -> None:
        """Enqueue a job again, with all its attempts."""
        broker.enqueue(message.copy(options={"retries": 0}))
        self.drop(message)

    def drop(self, message: dramatiq.Message[Any]) -> None:
        """Delete a job."""
        key, id_in_redis = self._key(message.queue_name), message.options["redis_message_id"]
        with broker.client.pipeline() as pipeline:
            pipeline.zrem(key, id_in_redis)
            pipeline.hdel(f"{key}.msgs", id_in_redis)
            pipeline.execute()

    def _key(self, queue: str) -> str:
        return f"{broker.namespace}:{queue.removesuffix('.DQ')}.XQ"
