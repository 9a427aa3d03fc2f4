"""VI. Processes: those that the service starts go on until it ends, whoever gets SIGTERM."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Render, starting
from tests.factors.conftest import Jobs
from tests.support import processes, variants
from tests.support.client import Connection, refuses, status
from tests.support.patience import SLACK
from tests.support.project import Project, edited, environment
from tests.support.service import Service, eventually

METHODS = ("fork", "forkserver", "spawn")
SIGTERM = 1 << 14
FIELDS = ("SigBlk", "SigIgn", "SigCgt")

POOLS = """
import multiprocessing
import os
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor


def pool_of(method):
    pool = ProcessPoolExecutor(1, multiprocessing.get_context(method))
    pool.submit(print, "from a pool").result()
    return pool


def ends(method):
    context = multiprocessing.get_context(method)
    with context.Pool(1) as pool:  # terminates it at the end
        pool.map(abs, [1])
    process = context.Process(target=time.sleep, args=[60])
    process.start()
    pool_of(method).submit(abs, 1).result()  # takes as long to start
    process.terminate()
    process.join(10)
    return process.exitcode


PROGRAM = [sys.executable, "-S", "-c", "print(open('/proc/self/status').read())"]


def facts_of(method):
    program = subprocess.check_output(PROGRAM, text=True)
    inside = pool_of(method).submit(subprocess.check_output, PROGRAM, text=True).result()
    within = pool_of(method).submit(ends, "fork").result(30)  # in a process of a pool
    return {"exitcodes": [ends(method), within], "programs": [program, inside]}
"""
ROUTES = (
    POOLS
    + """

import asyncio


@router.get("/pools/{method}")
def facts(method: str):
    return facts_of(method)


@router.get("/pools/{method}/slow")
async def slow_in_pool(method: str, seconds: float) -> float:
    pool = await asyncio.to_thread(pool_of, method)
    slow = asyncio.get_running_loop().run_in_executor(pool, time.sleep, seconds)
    print("pool has begun")
    await slow
    return seconds


@router.get("/pools/{method}/many")
def end_many(method: str, count: int) -> None:
    for _ in range(count):
        with multiprocessing.get_context(method).Pool(1) as pool:
            pool.map(abs, [1])


@router.get("/pools/{method}/left")
def leave(method: str) -> None:
    multiprocessing.get_context(method).Process(target=time.sleep, args=[60]).start()
"""
)
JOBS = """
from .pools import pool_of, time


@dramatiq.actor
def work_in_pool(method: str) -> None:
    slow = pool_of(method).submit(time.sleep, 3)
    print("pool has begun")
    slow.result()
"""
WEBS = variants.bootable(framework="fastapi", database="postgres", queue="none")
WORKERS = variants.bootable(framework="fastapi", database="postgres", queue="dramatiq")


@pytest.fixture(scope="module", params=WEBS, ids=variants.label)
def web(request: pytest.FixtureRequest, render: Render, shared: Path) -> Any:
    """Return what starts a service with these routes."""
    emitted = Project(render(request.param))
    project = edited(emitted, shared, "pools", lambda copy: copy.append("routes.py", ROUTES))
    away = {"DATABASE_URL": "postgres://nobody.invalid/none"}
    with starting(project, environment(shared, project, dev=False), away) as start:
        yield lambda **variables: start(SHUTDOWN_DRAIN_SECONDS="0.2", **variables)


@pytest.fixture(scope="module", params=WORKERS, ids=variants.label)
def project(request: pytest.FixtureRequest, render: Render, shared: Path) -> Project:
    """Return a service with a job that has a pool."""

    def add_jobs(copy: Project) -> None:
        copy.append("jobs.py", JOBS)
        (copy.package / "pools.py").write_text(POOLS)

    return edited(Project(render(request.param)), shared, "pools", add_jobs)


def assert_ended_well(service: Service, count: int = 1) -> None:
    """Assert that each of `count` processes stopped, with nothing left and nothing wrong."""
    assert service.wait() == 0
    assert not [event for event in service.events if event["level"] in ("error", "critical")]
    assert len(service.find("stopped")) == count
    assert service.find("from a pool", logger="stdout")
    eventually(lambda: processes.group(service.pid) == [], "end of all")


@pytest.mark.parametrize(("method", "workers"), [*((method, "1") for method in METHODS), ("fork", "2")])
def test_a_request_that_waits_for_a_pool_is_answered(web: Any, method: str, workers: str) -> None:
    """C-15: after SIGTERM to all; meanwhile nobody listens who does not accept."""
    service: Service = web(WEB_CONCURRENCY=workers)
    service.wait_event("listening", count=int(workers))
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(status, service.port, f"/pools/{method}/slow?seconds=10")
        service.wait_event("pool has begun")
        service.terminate("all")
        service.terminate("all")
        service.wait_event("draining", count=int(workers))
        eventually(lambda: refuses(service.port), "refusal", timeout=2 + SLACK)
        assert slow.result() == 200
    assert_ended_well(service, count=int(workers))
    assert len(service.find("draining")) == int(workers)


@pytest.mark.parametrize("method", METHODS)
def test_they_end_when_they_should(web: Any, method: str) -> None:
    """C-28: `terminate` ends one, also one of their own; programs inherit no handling of signals.

    None outlives the service.
    """
    service: Service = web()
    response, body = Connection(service.port).get(f"/pools/{method}")
    assert response.status == 200
    facts = json.loads(body)
    assert facts["exitcodes"] == [-15, -15]
    for program in facts["programs"]:
        fields = dict(line.split(":\t", 1) for line in program.splitlines() if line)
        assert not any(int(fields[name], 16) & SIGTERM for name in FIELDS)
    assert status(service.port, f"/pools/{method}/left") == 200
    service.terminate()
    assert_ended_well(service)


def test_each_pool_ends(web: Any) -> None:
    """C-28: also if `terminate` comes at the moment at which its process begins to wait for a task."""
    service: Service = web()
    with ThreadPoolExecutor(3) as threads:
        many = [threads.submit(status, service.port, "/pools/fork/many?count=60") for _ in range(3)]
        assert [each.result() for each in many] == [200] * 3


@pytest.mark.parametrize("method", METHODS)
def test_none_outlives_the_service(web: Any, method: str) -> None:
    """C-2: however that ends."""
    service: Service = web()
    assert status(service.port, f"/pools/{method}/left") == 200
    assert len(processes.group(service.pid)) > 1
    service.process.kill()
    eventually(lambda: processes.group(service.pid) == [], "end of all")


@pytest.mark.parametrize("method", METHODS)
def test_a_job_that_waits_for_a_pool_is_finished(jobs: Jobs, method: str) -> None:
    """C-16: after SIGTERM to all."""
    worker = jobs.worker()
    jobs.enqueue(f"work_in_pool.send({method!r})")
    worker.wait_event("pool has begun")
    worker.terminate("all")
    assert_ended_well(worker)
    assert worker.find("job", outcome="succeeded")
