"""`nox -s faults`: break what services depend on, for each framework and queue, and count passing tests.

The tests are in tests/factors/. This module lists which fault each of them causes.
"""

import argparse
import datetime
import os
import shlex
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support import variants
from tests.support.template import ROOT
from tests.updates.page import table

HEAD = """# How a service survives faults

Each row is a fault of something that a service depends on. The tests cause it for real: they stop or freeze
a server, configure it to refuse, slow the network down or reset connections, fill the disk or the pipe of
the log, or use up the file descriptors. Each cell says how many of the tests for this framework or queue
passed. The tests assert the contract (C-15, C-16, C-19, C-20, C-26): what the service answers during the
fault and how quickly; that nothing that it has acknowledged is lost; and that the process recovers by
itself, or exits and gives the reason.
"""
FRAMEWORKS: list[str] = variants.choices()["framework"]
QUEUES = [name for name in variants.choices()["queue"] if name != "none"]


WEB = "postgres-none"
QUEUED = "none-dramatiq or none-celery or postgres-procrastinate"


@dataclass(frozen=True)
class Group:
    """The faults of one service or resource."""

    name: str
    variants: str
    """The variants that run the tests, in the syntax of pytest's `-k`."""
    faults: dict[str, str]
    """The test of each fault: MODULE::NAME stands for tests/factors/test_MODULE.py::test_NAME."""


GROUPS = (
    Group(
        "Postgres, web",
        WEB,
        {
            "refused at boot": "04_outages::away_at_boot",
            "killed under load": "04_outages::killed_during_load",
            "restarted under load": "04_outages::a_thousand_requests_while_it_is_restarted_twice",
            "connections terminated by the server": "04_outages::connections_that_are_terminated",
            "connection lost during a rollback": "04_outages::a_rollback_that_fails",
            "network slow, connections reset": "04_outages::a_network_that_is_slow_and_resets",
            "no free connection": "04_outages::a_pool_that_is_exhausted",
            "frozen": "04_outages::a_database_that_answers_nothing",
            "frozen during a statement": "04_outages::a_statement_that_runs_when_it_freezes",
            "read-only": "04_outages::a_database_that_is_read_only",
            "read-only after a failover": "04_outages::a_primary_that_has_become_read_only",
            "disk full": "04_outages::a_disk_that_is_full",
        },
    ),
    Group(
        "Postgres, workers and clocks",
        f"{QUEUED} or postgres-dramatiq or postgres-celery",
        {
            "worker: refused, killed": "09_workers::a_worker_waits_for_its_database",
            "worker: slow, reset, frozen, read-only": "09_workers::a_worker_waits_whatever_postgres_does",
            "clock: refused, killed": "08_clock::postgres_may_be_away",
        },
    ),
    Group(
        "Redis, web",
        QUEUED,
        {
            "refused, frozen": "08_jobs::redis_may_be_away",
            "frozen during use": "04_redis::a_frozen_redis_holds_nobody",
            "network slow, connections reset": "04_redis::a_network_that_is_slow_and_resets",
            "OOM, READONLY, NOPERM, MISCONF, BUSY, LOADING": "04_redis::web_says_so_whatever_redis_answers",
            "a failover": "04_redis::connections_that_survive_a_failover",
        },
    ),
    Group(
        "Redis, workers and clocks",
        QUEUED,
        {
            "worker: OOM, READONLY, NOPERM, MISCONF, BUSY": (
                "08_refusals::a_worker_waits_whatever_redis_answers"
            ),
            "worker: reset repeatedly, refused": "08_refusals::a_worker_that_was_cut_off_works_again",
            "worker: network slow, frozen": "08_refusals::a_worker_behind_a_slow_network",
            "worker: restarted": "08_jobs::delayed_jobs_survive_a_restart_of_redis",
            "clock: refused, frozen": "08_clock::redis_may_be_away",
        },
    ),
    Group(
        "The log",
        f"{WEB} or fastapi-postgres",
        {
            "full pipe, socket or disk; no reader; closed": "09_full_log::a_log_that_cannot_be_written",
            "full pipe that two processes share": "09_full_log::processes_that_share_a_full_pipe",
            "dropped lines are reported": "09_full_log::what_was_dropped_is_told",
            "worker: a slow reader": "09_backlog::a_worker_that_ends_writes_its_backlog",
        },
    ),
    Group(
        "The process",
        f"{WEB} or fastapi-postgres",
        {
            "no file descriptors": "09_descriptors::web_says_so_once_and_recovers",
            "memory: endless heads, bodies, pipelines": "07_limits::what_has_no_end_takes_no_memory",
            "memory: large bodies": "07_http::many_large_bodies_do_not_stay_in_memory",
            "killed": "08_concurrency::a_killed_process_is_replaced",
            "worker: no file descriptors": "09_descriptors::a_worker_that_stays_so_ends",
            "worker with Redis: killed": "08_jobs::what_a_killed_worker_had_runs_elsewhere",
            "worker with Postgres: killed": "09_workers::the_job_of_a_killed_worker_runs_on_another",
        },
    ),
)


@dataclass(frozen=True)
class Case:
    """The result of one test."""

    test: str
    """Its name, in the form of `Group.faults`."""
    parameters: str
    state: str
    """passed, failed or skipped."""

    @property
    def columns(self) -> set[str]:
        """The framework and the queue that it ran with."""
        words = set(self.parameters.split("-"))
        return {name for name in (*FRAMEWORKS, *QUEUES) if name in words}


def run(group: Group, given: argparse.Namespace, folder: Path) -> Iterator[Case]:
    """Run the tests of a group."""
    nodes = ["tests/factors/test_{}.py::test_{}".format(*test.split("::")) for test in group.faults.values()]
    report = folder / "report.xml"
    command = [sys.executable, "-m", "pytest", *nodes, "--variants=all", "-k", group.variants]
    command += ["-q", "-n", str(given.jobs), "--dist", "worksteal", "-p", "no:cacheprovider"]
    command += [f"--junitxml={report}", f"--basetemp={folder / 'pytest'}", "--timeout=400"]
    command += [f"--framework={name}" for name in given.framework or ()]
    subprocess.run(command, cwd=ROOT, env={**os.environ, "SLACK": "1"}, check=False)
    for case in ET.parse(report).iter("testcase"):  # noqa: S314, pytest has written this file
        name, _, parameters = case.attrib["name"].partition("[")
        module = case.attrib["classname"].rpartition(".")[2]
        test = f"{module.removeprefix('test_')}::{name.removeprefix('test_')}"
        kinds = {child.tag for child in case}
        state = "failed" if kinds & {"failure", "error"} else "skipped" if "skipped" in kinds else "passed"
        yield Case(test, parameters.rstrip("]"), state)


def cell(cases: Sequence[Case]) -> str:
    """Return how many of the tests passed. Tests that this machine cannot run do not count."""
    counted = [case for case in cases if case.state != "skipped"]
    return f"{sum(case.state == 'passed' for case in counted)}/{len(counted)}" if counted else ""


def page(found: Sequence[tuple[Group, list[Case]]]) -> str:
    """Return the table and the list of failures."""
    rows, failed = [], []
    for group, cases in found:
        rows.append((f"**{group.name}**", *[""] * (len(FRAMEWORKS) + len(QUEUES))))
        for about, test in group.faults.items():
            own = [case for case in cases if case.test == test]
            columns = ([case for case in own if name in case.columns] for name in (*FRAMEWORKS, *QUEUES))
            rows.append((about, *map(cell, columns)))
        failed += [f"{case.test}[{case.parameters}]" for case in cases if case.state == "failed"]
    every = [case for _, cases in found for case in cases]
    listed = "\n".join(f"- `{line}`" for line in failed) or "Nothing."
    summary = f"{cell(every)} tests passed; {sum(case.state == 'skipped' for case in every)} skipped."
    left_out = [group.name for group in GROUPS if group not in [each for each, _ in found]]
    if left_out:
        summary += f" This run left out: {'; '.join(left_out)}."
    return f"{summary}\n\n{table(('Fault', *FRAMEWORKS, *QUEUES), rows)}\n## What failed\n\n{listed}\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 1 if a test failed."""
    asked = argparse.ArgumentParser("nox -s faults --", description=__doc__)
    names = [group.name for group in GROUPS]
    asked.add_argument("--group", action="append", choices=names, help="run only this one")
    asked.add_argument("--framework", action="append", choices=FRAMEWORKS, help="run only this one")
    asked.add_argument("--jobs", type=int, default=4, help="how many tests to run at once (%(default)s)")
    asked.add_argument("--write", type=Path, metavar="FILE", help="write the page to this file")
    given = asked.parse_args(arguments)
    options = shlex.join(arguments if arguments is not None else sys.argv[1:])
    today = datetime.datetime.now(datetime.UTC).date()
    made = f"`uvx nox -s faults -- {options}` wrote this page on {today}: "
    found = []
    for group in GROUPS:
        if not given.group or group.name in given.group:
            with tempfile.TemporaryDirectory(prefix="faults-") as folder:
                found.append((group, list(run(group, given, Path(folder)))))
            print(page(found[-1:]), flush=True)
            if given.write:
                given.write.write_text(f"{HEAD}\n{made}{page(found)}", encoding="utf-8")
    return int(any(case.state == "failed" for _, cases in found for case in cases))


if __name__ == "__main__":
    sys.exit(main())
