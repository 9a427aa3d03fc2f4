"""kombu's transport over Redis, with leases: what it lacks to lose no job.

kombu takes a job from Redis and notes only then that it has it: who is killed in between loses it.
It gives back what was taken long ago, also where it still runs, or waits for its time.
Here a job is taken and noted in one step, with a lease that its worker renews while it lives, and
one with a time (`countdown`, `eta`, each retry) waits in Redis.
"""

import contextlib
import json
import threading
from datetime import datetime
from queue import Empty
from time import monotonic
from typing import Any

import redis
from kombu.transport import TRANSPORT_ALIASES
from kombu.transport import redis as kombu_redis
from kombu.transport.virtual import QoS as VirtualQoS

SCHEME = "leases"
TRANSPORT_ALIASES[SCHEME] = f"{__name__}:Transport"

LEASE_SECONDS = 15
LEASES = "celery:leases"  # when each job goes back to its queue, by its tag
TAKEN = "celery:taken"  # queue and message, by the same tag

NOW = "local now = tonumber(redis.call('TIME')[1])"
TAKE = f"""{NOW}
local item = redis.call('RPOP', KEYS[1])
if item then
  local tag = cjson.decode(item).properties.delivery_tag
  redis.call('ZADD', KEYS[2], now + ARGV[1], tag)
  redis.call('HSET', KEYS[3], tag, KEYS[1] .. '\\n' .. item)
end
return item
"""
RENEW = f"""{NOW}
for at = 2, #ARGV do redis.call('ZADD', KEYS[1], 'XX', now + ARGV[1], ARGV[at]) end
"""
GIVE_BACK = f"""{NOW}
local tags = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, 100)
for _, tag in ipairs(tags) do
  local taken = redis.call('HGET', KEYS[2], tag)
  if taken then
    local cut = string.find(taken, '\\n', 1, true)
    redis.call('RPUSH', string.sub(taken, 1, cut - 1), string.sub(taken, cut + 1))
    redis.call('HDEL', KEYS[2], tag)
  end
  redis.call('ZREM', KEYS[1], tag)
end
"""

client = redis.Redis()  # with the connections that `queue.connect` gives it
held: set[str] = set()  # the tags of what this worker has taken and not yet done
stopping = threading.Event()


def renew() -> None:
    """Keep what this worker has; give to others what nobody has, or whose time has come."""
    client.eval(RENEW, 1, LEASES, LEASE_SECONDS, *held.copy())
    client.eval(GIVE_BACK, 2, LEASES, TAKEN)


def give_back() -> int:
    """Give to others what this worker has, and return how much that was."""
    tags = held.copy()
    if tags:
        client.zadd(LEASES, dict.fromkeys(tags, 0), xx=True)
        client.eval(GIVE_BACK, 2, LEASES, TAKEN)
    return len(tags)


class QoS(VirtualQoS):
    """What a channel has taken."""

    restore_at_shutdown = False  # nor when a connection breaks: the jobs run on, with their leases

    def can_consume(self) -> bool:
        return not stopping.is_set() and super().can_consume()

    def append(self, message: Any, delivery_tag: str) -> None:
        held.add(delivery_tag)
        super().append(message, delivery_tag)

    def ack(self, delivery_tag: str) -> None:
        try:
            with client.pipeline() as pipeline:
                pipeline.zrem(LEASES, delivery_tag)
                pipeline.hdel(TAKEN, delivery_tag)
                pipeline.execute()
        finally:
            self.forget(delivery_tag)

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        if not requeue:
            return self.ack(delivery_tag)
        self.forget(delivery_tag)
        client.zadd(LEASES, {delivery_tag: 0}, xx=True)

    def forget(self, delivery_tag: str) -> None:
        held.discard(delivery_tag)
        super().ack(delivery_tag)


Base: Any = kombu_redis.Channel  # of which the stubs know too little


class Channel(Base):  # type: ignore[misc]
    """Takes jobs with a lease, on the connections of `client` and one more that waits for them."""

    QoS = QoS
    consuming = False

    @property
    def pool(self) -> redis.ConnectionPool:
        return client.connection_pool

    def _connparams(self, asynchronous: bool = False) -> dict[str, Any]:
        self.connection_class = client.connection_pool.connection_class
        return {**super()._connparams(asynchronous), **client.connection_pool.connection_kwargs}

    def _create_client(self, asynchronous: bool = False) -> Any:
        return super()._create_client(asynchronous and self.consuming)

    def basic_consume(self, *args: Any, **options: Any) -> Any:
        if not self.consuming:
            self.consuming = True
            del self.client  # the next one waits, and so has a connection of its own
        return super().basic_consume(*args, **options)

    def _put(self, queue: str, message: dict[str, Any], **options: Any) -> None:
        eta = message["headers"].get("eta")
        if not eta:
            super()._put(queue, message, **options)
            return
        tag = message["properties"]["delivery_tag"]
        with client.pipeline() as pipeline:
            pipeline.hset(TAKEN, tag, f"{queue}\n{json.dumps(message)}")
            pipeline.zadd(LEASES, {tag: datetime.fromisoformat(eta).timestamp()})
            pipeline.execute()

    def _brpop_start(self, timeout: float | None = None) -> None:
        """Wait until there is something in a queue, and leave it there."""
        self.waited_for = self._queue_cycle.consume(1)[0]
        self._in_poll, self._brpop_sent_at = self.client.connection, monotonic()
        names = (self.waited_for, self.waited_for)
        self.client.connection.send_command("BLMOVE", *names, "RIGHT", "RIGHT", self.brpop_timeout)

    def _brpop_read(self, **options: Any) -> bool:
        item = None
        try:
            found = self.client.parse_response(self.client.connection, "BLMOVE", **options)
            self._in_poll = None
            if found and self.qos.can_consume():
                keys = (self.waited_for, LEASES, TAKEN)
                item = self.client.eval(TAKE, len(keys), *keys, LEASE_SECONDS)
        except self.connection_errors:
            with contextlib.suppress(*self.connection_errors):
                self.client.connection.disconnect()
            raise
        finally:
            self._in_poll = None
            self._queue_cycle.rotate(self.waited_for)
        if not item:
            raise Empty
        self.connection._deliver(json.loads(item), self.waited_for)
        return True


class Transport(kombu_redis.Transport):
    """The transport of SCHEME."""

    Channel = Channel
