"""SIGTERM to exit. There is no other side: what the contract promises is the goal."""

import signal
import time
from concurrent.futures import ThreadPoolExecutor

from tests.support.client import reserved_port, send_raw

from .load import Order, get, send
from .rows import Row, Rows
from .services import Asked, Services
from .sides import Process

DRAIN, GRACE = 1, 2  # seconds; what the exit takes beyond the drain is measured
HANGS = get("/slow?seconds=60").encode()


def seconds_to_exit(process: Process) -> float:
    """Send SIGTERM and wait for the end."""
    began = time.perf_counter()
    process.process.send_signal(signal.SIGTERM)
    assert process.process.wait(60) == 0
    return time.perf_counter() - began


def stops(services: Services, asked: Asked) -> list[Row]:
    """Measure what an exit takes beyond the drain: idle, under load, and with a request that hangs."""
    found: list[Row] = []
    for framework in asked.frameworks:
        rows = Rows(framework)
        emitted = services.emitted(framework=framework, database="none", queue="none")
        project = emitted.copy(services.folder / f"stops-{framework}")
        project.add_routes()
        variables = {"SHUTDOWN_DRAIN_SECONDS": str(DRAIN), "SHUTDOWN_GRACE_SECONDS": str(GRACE)}
        with reserved_port() as port:
            side = services.ours(project, port, variables)
            for _ in range(asked.rounds):
                for name, hangs in (("idle", False), (f"with a request that outlasts {GRACE} s", True)):
                    with side.running() as process, ThreadPoolExecutor() as pool:
                        process.seconds_until_answer(port)
                        send(Order(port, [get("/")], 16, asked.seconds / 4))
                        if hangs:
                            pool.submit(send_raw, port, HANGS)
                            send(Order(port, [get("/")], 1, 0.2))
                        goal = f"≤ {GRACE + 2} s" if hangs else ""
                        rows.add(
                            f"SIGTERM to exit, {name}", "s", seconds_to_exit(process) - DRAIN, None, goal
                        )
        found += rows.all()
    return found
