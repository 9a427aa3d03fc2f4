"""Maintained by `copier update`. A transport for kombu that loses no job.

kombu 5.7's own transport takes a job before it records which worker has it, so it loses the job if
the worker dies in between. It also gives back jobs that were taken long ago, even if they still
run. Here, a worker takes and records a job in one step, with a lease that it renews while it lives.
A job with a time (`countdown`, `eta`, each retry) waits in Redis, as if it were taken until then.
"""

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from contextvars import ContextVar
from datetime import UTC, datetime
from queue import Empty
from typing import Any

import redis
from kombu.transport import virtual

from .redis_client import NoRedisYet

LEASE_SECONDS = 15
CALM_SECONDS = 5  # after an outage, the time for all workers to renew their leases
POLL_SECONDS = 0.5  # between two attempts to take a job, if no bell rings
QUEUES = "celery:queues"  # the names of the queues that have jobs
LEASES = "celery:leases"  # when each job goes back to its queue, by its tag
TAKEN = "celery:taken"  # queue and message, by the same tag
BELL = "celery:bell"  # an entry for each job that came into a queue wakes one idle worker
RINGS = 100  # entries of the bell; more would only wake workers that are not idle

client = redis.Redis(connection_pool=NoRedisYet())  # until `use` sets one
listener = redis.Redis(connection_pool=NoRedisYet())  # waits for the bell on its own connection
held: set[str] = set()  # the tags of the jobs that this worker has taken
done: set[str] = set()  # the finished ones that Redis does not know of yet
freed = threading.Event()  # set when there is room for one more
stopping = threading.Event()
trouble: redis.RedisError | None = None  # what kept this worker from taking a job, until it is told
well = True  # whether this worker has reached the queue since
calm_since: float | None = None  # when leases could be renewed again
looked = time.monotonic()  # when this worker last tried to take a job
outgoing: ContextVar[list[tuple[str, str]]] = ContextVar("outgoing")

# Each script begins with a command that frees memory, so that Redis lets it write even when it is
# full: only finished jobs make room. And each writes first and removes last, because Redis does not
# undo what a script did before a command that Redis refuses (by a rule of its ACL, for example).
# Such a job may run twice, but is not lost.
# `take` tries the queues in random order, so that none has to wait until another one is empty. A
# key that is no queue holds up no other. A message without a tag gets one.
take = client.register_script("""
redis.call('ZREM', KEYS[2], '')
local refused
local names = redis.call('SRANDMEMBER', KEYS[1], 1000)
for _, name in ipairs(names) do
  local item = redis.pcall('LINDEX', name, -1)
  if type(item) == 'table' then
    refused = item
  elseif item then
    local ok, tag = pcall(function() return cjson.decode(item).properties.delivery_tag end)
    if not (ok and type(tag) == 'string' and string.find(tag, '^[%w%p]+$')) then
      tag = redis.sha1hex(item)
    end
    redis.call('ZADD', KEYS[2], redis.call('TIME')[1] + ARGV[1], tag)
    redis.call('HSET', KEYS[3], tag, name .. '\\n' .. item)
    redis.call('RPOP', name)
    return {tag, name, item}
  else
    redis.call('SREM', KEYS[1], name)
  end
end
return refused
""")
prolong = client.register_script("""
redis.call('ZREM', KEYS[1], '')
local ends = redis.call('TIME')[1] + ARGV[1]
for at = 2, #ARGV do redis.call('ZADD', KEYS[1], 'XX', ends, ARGV[at]) end
""")
# `put_back` first tries both commands that remove: without them, a job would go back each second.
put_back = client.register_script("""
redis.call('ZREM', KEYS[1], '')
redis.call('HDEL', KEYS[2], '')
redis.call('SADD', KEYS[3], 'default')  -- other clients of celery's may enqueue there
local refused
local now = redis.call('TIME')[1]
local tags = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, 100)
for at = 2, #ARGV do tags[#tags + 1] = ARGV[at] end
for _, tag in ipairs(tags) do
  local taken, pushed = redis.call('HGET', KEYS[2], tag), nil
  if taken then
    local cut = string.find(taken, '\\n', 1, true)
    redis.call('SADD', KEYS[3], string.sub(taken, 1, cut - 1))
    redis.call('LPUSH', KEYS[4], '')
    pushed = redis.pcall('RPUSH', string.sub(taken, 1, cut - 1), string.sub(taken, cut + 1))
  end
  if type(pushed) == 'table' then
    refused = pushed
  else
    redis.call('ZREM', KEYS[1], tag)
    redis.call('HDEL', KEYS[2], tag)
  end
end
redis.call('LTRIM', KEYS[4], 0, ARGV[1] - 1)
return refused
""")


def use(pool: redis.ConnectionPool) -> None:
    """Set the Redis that keeps the jobs."""
    client.connection_pool = pool
    own = redis.ConnectionPool(pool.connection_class, **pool.connection_kwargs)
    listener.connection_pool = own


def put(queue: str, item: str) -> None:
    """Put a message into its queue, or let it wait until its time."""
    message = json.loads(item)
    if not (eta := message["headers"].get("eta")):
        return put_now(queue, item)
    tag, due = message["properties"]["delivery_tag"], datetime.fromisoformat(eta)
    with client.pipeline() as pipeline:
        pipeline.hset(TAKEN, tag, f"{queue}\n{item}")
        pipeline.zadd(LEASES, {tag: due.replace(tzinfo=due.tzinfo or UTC).timestamp()})
        pipeline.execute()


def put_now(queue: str, item: str) -> None:
    """Put a message into its queue."""
    with client.pipeline() as pipeline:
        pipeline.lpush(queue, item)
        pipeline.sadd(QUEUES, queue)
        pipeline.lpush(BELL, "")
        pipeline.ltrim(BELL, 0, RINGS - 1)
        pipeline.execute()


@contextlib.contextmanager
def collected() -> Iterator[list[tuple[str, str]]]:
    """Collect the queue and message of each job in the block, instead of sending it."""
    token = outgoing.set([])
    try:
        yield outgoing.get()
    finally:
        outgoing.reset(token)


def renew() -> None:
    """Renew this worker's leases. Put back jobs without a worker, and jobs whose time has come."""
    global calm_since
    try:
        settle()
        prolong([LEASES], [LEASE_SECONDS, "", *held.copy()])  # ZADD is tried in any case
    except redis.RedisError:
        calm_since = None
        raise
    calm_since = calm_since or time.monotonic()
    if time.monotonic() - calm_since > CALM_SECONDS:
        give_back(set())
    tell_trouble()


def tell_trouble() -> None:
    """Raise the error that this worker has met. It is raised once, even if Redis is well again."""
    global trouble
    if error := trouble:
        if well:
            trouble = None
        raise error


def settle() -> None:
    """Tell Redis which jobs are done."""
    if tags := done.copy():
        with client.pipeline() as pipeline:
            pipeline.zrem(LEASES, *tags)
            pipeline.hdel(TAKEN, *tags)
            pipeline.execute()
        held.difference_update(tags)
        done.difference_update(tags)


def give_back(tags: set[str]) -> None:
    """Give these jobs of this worker back to their queues, and those whose leases have run out."""
    held.difference_update(tags)
    put_back([LEASES, TAKEN, QUEUES, BELL], [RINGS, *tags])


class QoS(virtual.QoS):
    """The jobs that a channel has taken. If Redis fails here, the main thread tries again."""

    restore_at_shutdown = False  # the main thread gives back unfinished jobs after the grace

    def can_consume(self) -> bool:
        return not stopping.is_set() and super().can_consume()

    def append(self, message: Any, delivery_tag: str) -> None:
        held.add(delivery_tag)
        super().append(message, delivery_tag)

    def ack(self, delivery_tag: str) -> None:
        super().ack(delivery_tag)
        freed.set()
        done.add(delivery_tag)
        with contextlib.suppress(redis.RedisError):
            settle()

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        if not requeue:
            return self.ack(delivery_tag)
        super().ack(delivery_tag)
        freed.set()
        with contextlib.suppress(redis.RedisError):  # its lease runs out
            give_back({delivery_tag})


class Message(virtual.Message):
    """What was in a queue. If that is no message, it has neither headers nor a body."""

    def __init__(self, payload: Any, channel: Any = None, **options: Any) -> None:
        tag, queue, self.item = payload
        try:
            super().__init__(json.loads(self.item), channel, **options)
        except Exception:  # it may be anything at all
            super().__init__({"properties": {"delivery_tag": ""}}, channel, **options)
        self.queue: str = queue.decode(errors="replace")
        self.delivery_tag = tag.decode()


class Channel(virtual.Channel):
    """Takes jobs of all queues. It never fails, but leaves an error in `trouble`."""

    QoS = QoS
    Message = Message

    def basic_publish(
        self, message: dict[str, Any], exchange: str, routing_key: str, **options: Any
    ) -> None:
        """Publish a message. Refuse a job for an exchange that would pass it to no queue."""
        if exchange and (name := message["headers"].get("task")):
            fanout = self.typeof(exchange).type == "fanout"
            if fanout or not self._lookup(exchange, routing_key):
                reason = f"no queue gets it from the exchange {exchange!r}; name a queue instead"
                raise NotImplementedError(f"{name}: {reason}.")
        super().basic_publish(message, exchange, routing_key, **options)

    def _put(self, queue: str, message: dict[str, Any], **_: Any) -> None:
        item = json.dumps(message)
        if (collecting := outgoing.get(None)) is not None:
            collecting.append((queue, item))
        else:
            put(queue, item)

    def _get(self, queue: str, timeout: float | None = None) -> Any:
        global trouble, well
        try:
            taken = take([QUEUES, LEASES, TAKEN], [LEASE_SECONDS])
            well = True
        except redis.RedisError as error:
            trouble, well = error, False
            raise Empty from error
        if not taken:
            raise Empty
        return taken  # see `Message`

    def drain_events(self, timeout: float | None = None, callback: Any = None) -> Any:
        """Deliver a job. If there is none, wait for at most POLL_SECONDS, and raise Empty."""
        global looked
        looked = time.monotonic()
        freed.clear()
        try:
            return super().drain_events(timeout, callback)
        except Empty:
            if self._consumers:
                self.wait()
            raise

    def wait(self) -> None:
        """Wait for the bell or, if this worker has no room for one more job, for room."""
        global trouble, well
        if self.qos.can_consume():
            try:
                listener.blpop([BELL], POLL_SECONDS)
                return
            except redis.RedisError as error:
                trouble, well = error, False
        freed.wait(POLL_SECONDS)


class Transport(virtual.Transport):
    """The transport that `broker_transport` names."""

    Channel = Channel
    polling_interval = None  # the channel waits
    connection_errors = (*virtual.Transport.connection_errors, redis.RedisError)
