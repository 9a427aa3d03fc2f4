"""Send signals at random to two workers with many jobs: count lost jobs, and measure the longest wait.

`nox -s chaos` does a full run. A test does a short one.
"""

import json
import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from .jobs import Queue
from .service import Service

SIGNALS = ("root", "all", "twice")
MOST_SECONDS = 60  # until another worker runs the job of a killed worker (C-16)


@dataclass
class Outcome:
    """The outcome of a run. Times are in seconds."""

    jobs: int
    lost: int = 0
    begun_again: int = 0
    ended_twice: int = 0
    longest_wait: float = 0
    seconds: float = 0
    sent: list[str] = field(default_factory=list)
    statuses: set[int] = field(default_factory=set)
    lines: int = 0
    not_json: int = 0


def run(
    queue: Queue,
    start: Callable[[], Service],
    *,
    jobs: int,
    events: int,
    kill: bool,
    seed: int,
    patience: float,
) -> Outcome:
    """Let two workers run the jobs. Now and then, send a signal to one of them, and start a new worker.

    `kill` adds SIGKILL to the signals. After `patience` seconds, unfinished jobs count as lost.
    """
    chance = random.Random(seed)
    queue.enqueue("probe", *({"key": key, "seconds": chance.uniform(0.1, 3)} for key in range(jobs)))
    outcome, began = Outcome(jobs), time.monotonic()
    workers = [start(), start()]
    replaced: list[Service] = []
    while len(set(queue.keys("ended"))) < jobs and time.monotonic() - began < patience:
        if len(outcome.sent) < events:
            time.sleep(chance.uniform(0.5, 3))  # the time of a signal is random too
            how = chance.choice((*SIGNALS, "kill") if kill else SIGNALS)
            index = chance.randrange(2)
            outcome.sent.append(how)
            workers[index].wait_event("starting")  # earlier, only the interpreter would run
            replaced.append(workers[index])
            workers[index] = start()
            send(replaced[-1], how)
        else:
            time.sleep(0.1)
    for worker in workers:
        worker.terminate()
    for worker in (*replaced, *workers):
        outcome.statuses.add(worker.wait())
        outcome.lines += len(worker.lines)
        outcome.not_json += len(worker.stderr.lines) + sum(not is_event(line) for line in worker.lines)
    begun, ended = queue.keys("begun"), queue.keys("ended")
    outcome.lost = jobs - len(set(ended))
    outcome.begun_again = len(begun) - len(set(begun))
    outcome.ended_twice = len(ended) - len(set(ended))
    outcome.longest_wait = queue.longest_wait()
    outcome.seconds = time.monotonic() - began
    return outcome


def is_event(line: str) -> bool:
    """Tell whether a line is one JSON object (C-21)."""
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def send(worker: Service, how: str) -> None:
    """Stop a worker as platforms do, or as an out-of-memory killer does."""
    if how == "kill":
        worker.signal(signal.SIGKILL, "all")
        return
    worker.terminate("all" if how == "all" else "root")
    if how == "twice":
        worker.terminate("all")
