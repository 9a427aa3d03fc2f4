"""VIII. Concurrency: a Redis that refuses or is cut off, and messages that are no jobs (C-16, C-19)."""

import json
import subprocess
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from tests.conftest import Render
from tests.factors.conftest import Jobs
from tests.support import redis, variants
from tests.support.idioms import IDIOMS, JOBS
from tests.support.project import Project, edited
from tests.support.relay import Relay
from tests.support.service import Service, eventually

QUEUED = [row for queue in IDIOMS for row in variants.bootable(queue=queue)]
# Commands that move a job between the queue and a worker, or to its time.
MOVES = {
    "celery": ["zadd", "hset", "hget", "hdel", "zrem", "rpush", "lpush", "rpop", "lindex", "sadd", "srem"],
    "dramatiq": ["sadd", "srem", "hmget", "hdel", "lpop", "rpush", "lpush"],
}
MALFORMED: dict[str, str | bytes] = {
    "no JSON": "swordfish",
    "no UTF-8": b'{"properties": {"delivery_tag": "\xff"}}',
    "no object": '["swordfish"]',
    "deeply nested": "[" * 20_000 + "]" * 20_000,
    "no properties": '{"body": "swordfish"}',
    "no tag": '{"properties": {}, "headers": {"task": "swordfish"}}',
    "a tag that is no text": '{"properties": {"delivery_tag": 5}}',
    "nothing but a tag": '{"properties": {"delivery_tag": "x"}}',
    "no headers": '{"properties": {"delivery_tag": "y"}, "body": "!!", "headers": {}}',
    "headers that are none": '{"properties": {"delivery_tag": "z"}, "body": "", "headers": ["swordfish"]}',
}
JOB = {"id": "1", "task": "greet", "lang": "py"}
TYPED = {"content-type": "application/json", "content-encoding": "utf-8"}


@pytest.fixture(scope="module", params=QUEUED, ids=variants.label)
def project(request: pytest.FixtureRequest, render: Render, shared: Path) -> Project:
    """Return a service with each queue and these jobs."""
    emitted = Project(render(request.param))
    text = JOBS.format(**vars(IDIOMS[request.param["queue"]]))
    return edited(emitted, shared, "jobs", lambda copy: copy.append("jobs.py", text))


@contextmanager
def denied(server: redis.Server, *commands: str) -> Iterator[None]:
    """Refuse these commands to the workers' user during the block."""
    server.client.acl_setuser("app", enabled=True, commands=[f"-{command}" for command in commands])
    try:
        yield
    finally:
        allow(server)


def allow(server: redis.Server) -> str:
    """Allow the workers' user everything, and return its URL."""
    server.client.acl_setuser("app", enabled=True, passwords="+swordfish", keys=["*"], commands=["+@all"])
    return f"redis://app:swordfish@127.0.0.1:{server.port}/0"


class Copies:
    """Puts copies of a job into its queue, without a process of the service."""

    def __init__(self, jobs: Jobs, server: redis.Server) -> None:
        jobs.enqueue("work.{it.send}(0)")
        self.client = cast(Any, server.client)
        self.put = getattr(self, str(jobs.project.answers()["queue"]))
        if self.put == self.celery:
            self.job = json.loads(self.client.rpop("default"))
        else:
            name = self.client.lpop("dramatiq:default")
            self.job = json.loads(self.client.hget("dramatiq:default.msgs", name))
            self.client.hdel("dramatiq:default.msgs", name)

    def celery(self, *, late: bool = False) -> None:
        """Put one that waits, or one whose time has come now."""
        tag = self.job["properties"]["delivery_tag"] = self.job["headers"]["id"] = str(uuid.uuid4())
        if late:
            self.client.hset("celery:taken", tag, f"default\n{json.dumps(self.job)}")
            self.client.zadd("celery:leases", {tag: 1})
        else:
            self.client.lpush("default", json.dumps(self.job))
            self.client.sadd("celery:queues", "default")

    def dramatiq(self, *, late: bool = False) -> None:
        """Do the same for dramatiq."""
        name = self.job["options"]["redis_message_id"] = self.job["message_id"] = str(uuid.uuid4())
        queue = self.job["queue_name"] = "default.DQ" if late else "default"
        self.job["options"]["eta"] = round(time.time() * 1000)
        self.client.hset(f"dramatiq:{queue}.msgs", name, json.dumps(self.job))
        self.client.rpush(f"dramatiq:{queue}", name)

    def worked(self) -> int:
        """Return how many have run."""
        return int(self.client.get("worked") or 0)


@pytest.mark.long
@pytest.mark.timeout(400)
def test_a_command_that_redis_refuses_loses_no_job(jobs: Jobs, server: redis.Server) -> None:
    """C-16, C-19: though Redis does not undo the part of a script that came before it."""
    copies, total = Copies(jobs, server), 0
    worker = jobs.worker(REDIS_URL=allow(server))
    for command in MOVES[str(jobs.project.answers()["queue"])]:
        seen, before = len(worker.find("service unavailable", reason="access denied")), copies.worked()
        with denied(server, command):
            copies.put()
            copies.put()
            copies.put(late=True)
            if jobs.idiom is IDIOMS["celery"] and command != "srem":
                worker.wait_event("service unavailable", reason="access denied", count=seen + 1)
            time.sleep(3)
        total += 3
        eventually(lambda n=before + 3: copies.worked() >= n, f"end of all after -{command}", timeout=60)  # type: ignore[misc]
        worker.wait_event("job", outcome="succeeded", count=total)
        assert copies.worked() <= before + 6, f"-{command}: none runs more than twice"
        total = len(worker.find("job", outcome="succeeded"))
        if seen < (now := len(worker.find("service unavailable", reason="access denied"))):
            worker.wait_event("service reached", count=now)
    assert worker.process.poll() is None
    assert not copies.client.keys("*acks*") + copies.client.keys("celery:taken")


@pytest.mark.long
@pytest.mark.variants
@pytest.mark.timeout(300)
@pytest.mark.parametrize("command", ["rpush", "lpush", "srem"])
def test_a_job_that_cannot_be_given_back_is_not_lost(jobs: Jobs, server: redis.Server, command: str) -> None:
    """C-16: it goes back later, as the job of a worker that was killed."""
    url = allow(server)
    worker = jobs.worker(REDIS_URL=url, SHUTDOWN_GRACE_SECONDS="0.5", WORKER_CONCURRENCY="1")
    jobs.enqueue("work.{it.send}(4)", count=3)
    worker.wait_event("work has begun")
    with denied(server, command):
        worker.terminate()
        assert worker.wait() == 0
    other = jobs.worker(REDIS_URL=url)
    other.wait_event("job", outcome="succeeded", count=3, timeout=60)


def test_an_error_between_two_looks_is_told(jobs: Jobs, server: redis.Server) -> None:
    """C-19: though Redis takes the next command, and the main thread looks only once a second."""
    if jobs.idiom is not IDIOMS["celery"]:
        pytest.skip("celery alone has a transport of ours.")
    worker = jobs.worker(REDIS_URL=allow(server))
    for number in range(1, 6):
        with denied(server, "srandmember"):
            time.sleep(0.7)
        worker.wait_event("service unavailable", reason="access denied", count=number)
        worker.wait_event("service reached", count=number)
    assert len(worker.find("service unavailable")) == 5


def test_a_queue_of_another_type_holds_up_no_other(jobs: Jobs, server: redis.Server) -> None:
    """C-16, C-19: the user's own key has the name of a queue."""
    if jobs.idiom is not IDIOMS["celery"]:
        pytest.skip("celery alone has a transport of ours.")
    server.client.set("mail", "mine")
    server.client.sadd("celery:queues", "mail")
    server.client.hset("celery:taken", "tag", "mail\n{}")
    server.client.zadd("celery:leases", {"tag": 1})
    worker = jobs.worker()
    worker.wait_event("service unavailable")
    jobs.enqueue("work.{it.send}(0)", count=10)
    jobs.enqueue("work.apply_async((0,), countdown=1)")
    worker.wait_event("job", outcome="succeeded", count=11)
    assert server.client.get("mail") == "mine"
    assert server.client.hget("celery:taken", "tag")


def body(*parts: object) -> str:
    """Return a message with a known job and this body."""
    message = {"properties": {"delivery_tag": json.dumps(parts)}, "body": json.dumps(parts), "headers": JOB}
    return json.dumps({**message, **TYPED})


def test_messages_that_are_no_jobs(jobs: Jobs, server: redis.Server) -> None:
    """C-16, C-22: each is kept with the failed jobs, with one event that shows nothing of it."""
    if jobs.idiom is not IDIOMS["celery"]:
        pytest.skip("celery alone has a transport of ours.")
    refused = [*MALFORMED.values(), body(), body("swordfish"), body("swordfish", {}, {}), body([], [], {})]
    worker = jobs.worker(WORKER_CONCURRENCY="2")
    for count, message in enumerate(refused, 1):
        server.client.lpush("default", message)
        worker.wait_event("job", outcome="invalid", count=count)
    jobs.enqueue("work.{it.send}(0)", count=3)
    worker.wait_event("job", outcome="succeeded", count=3)
    eventually(lambda: server.client.hlen("celery:taken") == 0, "end of all")
    assert server.client.llen("default") == 0
    assert all(event["queue"] == "default" for event in worker.find("job", outcome="invalid"))
    assert b"swordfish" not in b"".join(worker.stdout.lines)
    assert len(worker.find("job", outcome="invalid")) == len(refused)
    again(jobs, worker, len(refused))


def again(jobs: Jobs, worker: Service, count: int) -> None:
    """Enqueue a message again that was refused, as one does when a release can read it."""
    listed = jobs.run("shell", "print(len(failed.list()))\nfailed.retry(failed.list()[0])")
    assert listed.stdout == f"{count}\n"
    worker.wait_event("job", outcome="invalid", count=count + 1)
    assert jobs.run("shell", "print(len(failed.list()))").stdout == f"{count}\n"


def test_the_words_of_older_servers(jobs: Jobs) -> None:
    """C-19: Redis 7.0 refuses a command of a script without the code of the error."""
    script = """
from redis.exceptions import ResponseError
from {0}.runtime.redis_client import outage
for what in ("run this command or subcommand script: 1, @user_script:4.", "access at least one of the keys"):
    print(outage(ResponseError("The user executing the script can't " + what)))
"""
    assert jobs.run("shell", script.format(jobs.project.name)).stdout == "access denied\n" * 2


@pytest.mark.long
def test_a_worker_waits_whatever_redis_answers(jobs: Jobs, tmp_path: Path) -> None:
    """C-19: it lives, does what it has, and takes the rest when it can; nothing runs twice.

    Each error has a Redis and two workers of its own, all at the same time, because they mostly wait.
    """

    def meet(error: str) -> None:
        (tmp_path / error).mkdir()
        with redis.running(tmp_path / error) as server:
            given = {"REDIS_URL": server.url, "WORKER_CONCURRENCY": "1"}
            worker = jobs.worker(**given)
            jobs.enqueue("work.{it.send}(3)", count=2, **given)
            worker.wait_event("work has begun")
            with server.answering(error):
                other = jobs.worker(**given)  # has nothing else to do than to ask
                # Beyond the lease of a job, and the second look at a missed worker, after 15 + 2 * 5 s. While
                # Redis runs a script, nobody can look, and it takes a whole processor.
                with pytest.raises(subprocess.TimeoutExpired):
                    other.process.wait(timeout=5 if error == "BUSY" else 28)
            eventually(lambda: server.client.get("worked") == "2", f"end of both after {error}", timeout=60)
            for each in (worker, other):
                each.terminate()
                assert each.wait() == 0, error
            assert server.client.get("worked") == "2", error

    with ThreadPoolExecutor(len(redis.REFUSALS)) as pool:
        list(pool.map(meet, redis.REFUSALS))


def test_a_worker_that_was_cut_off_works_again(jobs: Jobs, server: redis.Server) -> None:
    """C-19: whatever it was doing when its connections were reset, over and over, and refused."""
    worker = jobs.worker(WORKER_CONCURRENCY="4")
    jobs.enqueue("work.{it.send}(0.05)", count=100)
    worker.wait_event("work has begun", count=4)
    end = time.monotonic() + 5
    while time.monotonic() < end:
        for client in server.client.client_list():
            if client["cmd"] != "client|list":
                server.client.client_kill_filter(_id=client["id"])
        time.sleep(0.05)
    server.stop()
    worker.wait_event("service unavailable")
    server.start()
    eventually(lambda: int(server.client.get("worked") or 0) >= 100, "end of all", timeout=60)
    assert worker.process.poll() is None


@pytest.mark.variants
def test_a_worker_behind_a_slow_network(jobs: Jobs, server: redis.Server) -> None:
    """C-19, C-16: it works on, or waits and recovers; no job is lost, and SIGTERM is obeyed."""
    with Relay(server.port) as relay:
        worker = jobs.worker(REDIS_URL=f"redis://127.0.0.1:{relay.port}/0", WORKER_CONCURRENCY="2")
        for delay, count in ((0.2, 10), (10, 20), (0, 30)):
            relay.delay = delay
            jobs.enqueue("work.{it.send}(0.05)", count=10)
            if delay < 1:
                eventually(lambda n=count: int(server.client.get("worked") or 0) >= n, "jobs", timeout=60)  # type: ignore[misc]
            else:
                worker.wait_event("service unavailable")
        if jobs.idiom is IDIOMS["celery"]:  # which says that Redis is away only once until it is back
            worker.wait_event("service reached")
        with server.frozen():
            worker.wait_event("service unavailable", count=2)
        jobs.enqueue("work.{it.send}(0.05)", count=10)
        eventually(lambda: int(server.client.get("worked") or 0) >= 40, "the rest", timeout=60)
        worker.terminate()
        assert worker.wait() == 0
