"""Redis: one bounded pool of connections a process, made at the first use and never before."""

import asyncio

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from ..settings import Settings

CONNECT_SECONDS = 2
ANSWER_SECONDS = 2
POOL_SECONDS = 1  # to wait for a free connection: a request that cannot have one fails quickly


class Redis:
    """The client of a process."""

    def __init__(self, settings: Settings) -> None:
        url = settings.redis_url.get_secret_value()
        # Heroku's certificates are self-signed.
        trust = {"ssl_cert_reqs": "none"} if not settings.redis_tls_verify else {}
        self.client = redis.Redis(
            connection_pool=redis.BlockingConnectionPool.from_url(
                url,
                max_connections=settings.redis_pool_size,
                timeout=POOL_SECONDS,
                socket_connect_timeout=CONNECT_SECONDS,
                socket_timeout=ANSWER_SECONDS,
                retry=Retry(NoBackoff(), 1),  # a connection that the server has closed, unseen
                **(trust if url.startswith("rediss:") else {}),
            )
        )

    async def ping(self) -> None:
        """Raise what keeps Redis from serving."""
        await asyncio.to_thread(self.client.ping)


def outage(error: BaseException) -> str | None:
    """Say in a word or two why Redis cannot serve; None where the error is another."""
    cause = error if isinstance(error, redis.RedisError) else error.__cause__
    if isinstance(error, TimeoutError) or isinstance(cause, redis.TimeoutError):
        return "no answer in time"
    if isinstance(cause, redis.AuthenticationError):
        return "access denied"
    if isinstance(cause, redis.ReadOnlyError):
        return "read-only"
    if isinstance(cause, redis.OutOfMemoryError):
        return "out of memory"
    return "unreachable" if isinstance(cause, redis.ConnectionError) else None
