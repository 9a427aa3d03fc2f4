"""The sets of answers, read from copier.yml, so that a new choice is tested from the day it stands there."""

import itertools
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import yaml

from extensions.options import NEEDS, conflict

from .template import ROOT

type Answers = Mapping[str, Any]

# What every rendering answers to what has no choices: with it, a test's project never depends on who runs it.
IDENTITY = {
    "project_name": "Order Desk",
    "description": "Takes orders and hands them on.",
    "user_name": "Ada Lovelace",
    "user_email": "ada@example.com",
}

# What a platform or a CI brings into a project.
FILES = {
    "heroku": ("app.json",),
    "docker": ("Dockerfile", ".dockerignore", "compose.yaml"),
    "kubernetes": ("deploy/kubernetes",),
    "fly": ("fly.toml",),
    "render": ("render.yaml",),
    "github": (".github",),
    "gitlab": (".gitlab-ci.yml", "renovate.json"),
}

# The questions whose answers change what runs.
BOOTED = ("framework", "database", "queue")
# What this one proves of the processes around the application, it proves for all.
LEADING = "fastapi"
# The tests of tests/factors that are worth their time in a run over pairs, with a database and without.
# tests/test_render.py checks format, lint and types of every combination.
WORTH = {
    LEADING: ("", "test_(01|03_config|04|05|07_http|10|12)"),
    # The first behind the bridge: what runs in its threads, and its sessions.
    "flask": (
        "test_(01(?!.*-(format|lint|types))|04_(outages|transactions)|07_(bridge|http|limits|middleware)|09_disp|10_database.*from_a_clone|11|12_admin)",
        "test_07_http",
    ),
    # Behind the same bridge, with migrations of its own.
    "django": (
        "test_(01(?!.*-(format|lint|types))|04_(django|outages|transactions)|07_(http|middleware)|10_database.*from_a_clone|10_dev.*admin|11|12)",
        "test_07_http",
    ),
}
# On the leading one's server, with its own errors, sessions and logs.
WORTH_OF_OTHERS = (
    "test_(01(?!.*-(format|lint|types))|04_(outages|transactions)|07_http|10_database.*from_a_clone|11|12_admin)",
    "test_07_http",
)
# Of those that tell of themselves, what a run over pairs takes: the first, and the rest for what differs.
OBSERVED = [
    (LEADING, "procrastinate"),
    ("litestar", "celery"),
    ("flask", "dramatiq"),
    ("django", "procrastinate"),
]


def worth(variant: Answers) -> str | None:
    """Return a pattern of the tests, as file::name, that a run over pairs takes with this one, if any."""
    if variant["queue"] != "none":  # queues have tests of their own
        # But development has a Redis then, whichever queue it is for.
        return "test_10" if (variant["framework"], variant["queue"]) == (LEADING, "dramatiq") else None
    with_database, without = WORTH.get(variant["framework"], WORTH_OF_OTHERS)
    return without if variant["database"] == "none" else with_database


@cache
def choices() -> dict[str, list[Any]]:
    """Return the values of each question that has choices."""
    questions = yaml.safe_load((ROOT / "copier.yml").read_text())
    return {
        name: _answers(question)
        for name, question in questions.items()
        if not name.startswith("_") and ("choices" in question or question["type"] == "bool")
    }


def _answers(question: Any) -> list[Any]:
    if question["type"] == "bool":
        return [False, True]
    return _lists(question) if question.get("multiselect") else list(offered_values(question["choices"]))


def offered_values(offered: Any) -> Iterator[Any]:
    """Yield the values of copier's forms of `choices`: a list, pairs, or a mapping to values or details."""
    pairs = offered.items() if isinstance(offered, dict) else ((None, item) for item in offered)
    for _, value in pairs:
        if isinstance(value, list):
            value = value[-1]
        yield value["value"] if isinstance(value, dict) else value


def _lists(question: Any) -> list[Any]:
    """Return what a question for several values is answered with here: none, each with its need, all."""
    values = list(offered_values(question["choices"]))
    each = [[other for other in values if other in (value, NEEDS.get(value))] for value in values]
    return [[], *each, values]


def python_version() -> str:
    """Return the Python that runs the tests, where the template offers it: it is surely on this machine."""
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    offered = choices().get("python_version", [here])
    return here if here in offered else str(offered[-1])


@cache
def combinations() -> list[Answers]:
    """Return sets of answers in which every answer meets every answer to every other question."""
    values = list(choices().values())
    meetings = {
        (one, other)
        for first, second in itertools.combinations(range(len(values)), 2)
        for one in ((first, index) for index in range(len(values[first])))
        for other in ((second, index) for index in range(len(values[second])))
        if _stand_together({first: one[1], second: other[1]})
    }
    rows = []
    while meetings:
        row = dict(min(meetings))
        for question in range(len(values)):
            if question not in row:
                indices = range(len(values[question]))
                row[question] = max(
                    (index for index in indices if _stand_together({**row, question: index})),
                    key=lambda index: len(meetings & set(_meetings({**row, question: index}))),
                )
        meetings -= set(_meetings(row))
        rows.append(row)
    return [{name: values[i][row[i]] for i, name in enumerate(choices())} for row in rows]


def _stand_together(row: Mapping[int, int]) -> bool:
    """Tell whether the template takes these answers in one project."""
    names, values = list(choices()), list(choices().values())
    return not conflict({names[question]: values[question][index] for question, index in row.items()})


def _meetings(row: Mapping[int, int]) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Yield each two answers that meet in a set."""
    return itertools.combinations(sorted(row.items()), 2)


def bootable(**fixed: str) -> list[Answers]:
    """Return all that can boot differently: each framework with each database and each queue."""
    every = itertools.product(*([fixed[axis]] if axis in fixed else choices()[axis] for axis in BOOTED))
    rows = [dict(zip(BOOTED, answers, strict=True)) for answers in every]
    return [row for row in rows if not conflict(row)]


def with_clocks(**fixed: str) -> list[Answers]:
    """Return the same, each with and without a clock where there may be one."""
    rows = [{**row, "clock": on} for row in bootable(**fixed) for on in (False, True)]
    return [row for row in rows if not conflict(row)]


def richest(rows: list[Answers]) -> list[Answers]:
    """Return those with a clock, and those to which no clock can be added."""
    return [row for row in rows if row["clock"] or {**row, "clock": True} not in rows]


def label(answers: Answers) -> str:
    """Name a set of answers, for the reports of pytest."""
    values = ("+".join(value) if isinstance(value, list) else value for value in answers.values())
    return "-".join(map(str, values)) or "defaults"
