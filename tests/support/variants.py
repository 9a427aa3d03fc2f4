"""The sets of answers, read from copier.yml, so that a new choice is tested as soon as it exists."""

import itertools
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import yaml

from extensions.options import NEEDS, conflict

from .template import ROOT

type Answers = Mapping[str, Any]

# The answers to questions without choices, so that a project does not depend on who runs the tests.
IDENTITY = {
    "project_name": "Order Desk",
    "description": "Takes orders and hands them on.",
    "user_name": "Ada Lovelace",
    "user_email": "ada@example.com",
}

# The files of each platform and CI.
FILES = {
    "heroku": ("app.json",),
    "docker": ("Dockerfile", ".dockerignore", "compose.yaml"),
    "kubernetes": ("deploy/kubernetes",),
    "fly": ("fly.toml",),
    "render": ("render.yaml",),
    "github": (".github", "SECURITY.md", "CODEOWNERS"),
    "gitlab": (".gitlab-ci.yml", "renovate.json"),
}

# The questions whose answers change what runs.
BOOTED = ("framework", "database", "queue")
# The framework whose tests of the processes around the application stand for all frameworks.
LEADING = "fastapi"
# Tests that a service without a database responds. The rest of HTTP is the same code.
WITHOUT = "test_07_http.*(example|health)"
# The test that development runs what a service needs, where it needs less.
FORMATION = "test_10_dev.*runs_the_formation"
# Of the four cases of a signal (to the root or to all, of one process or of two), the two that a run over
# pairs leaves out: each value occurs in one of the others.
SIGNALS = ".*-(1-all|2-root)"
# The tests of tests/factors in a run over pairs, with a database and without. Other tests prove the rest:
# tests/test_render.py checks the format, lint and types of each variant. tests/contract/ runs a service's
# own tests, and tests/platforms/test_heroku.py runs those of one without a database.
WORTH = {
    LEADING: (
        f"(?!test_01.*-(format|lint|types)|test_(04_trans|09_(boot|disp)){SIGNALS})",
        f"test_(01(?!.*-(format|lint|types|tests))|03_config|04|05|12)|{FORMATION}|{WITHOUT}",
    ),
    # The first framework behind the bridge: its threads and its sessions.
    "flask": (
        "test_(01(?!.*-(format|lint|types|tests))|04_(sessions|transactions)"
        f"|07_(bridge|http|limits|middleware)|09_disp(?!{SIGNALS})|10_database.*from_a_clone"
        "|11(?!_masks))",
        WITHOUT,
    ),
    # Behind the same bridge, but with its own migrations.
    "django": (
        "test_(01(?!.*-(format|lint|types|tests))|04_(django|outages|transactions)|07_(http|middleware)"
        "|10_database.*from_a_clone|10_dev.*admin|11|12)",
        WITHOUT,
    ),
}
# Frameworks with the leading one's server and pool, but with their own errors, sessions and logs.
WORTH_OF_OTHERS = (
    "test_(01(?!.*-(format|lint|types|tests))|04_transactions|07_(http|middleware)"
    "|10_database.*from_a_clone|11(?!_masks))",
    WITHOUT,
)
# The queues of each other framework in a run over pairs. A queue's code is the same for all frameworks, and
# a framework's code is the same for both queues in Redis. Litestar runs jobs with the leading framework's
# code, and Flask runs those in Redis with Django's. OBSERVED and tests/contract/ use other queues.
TURNS = {"litestar": (), "flask": ("procrastinate",), "django": ("procrastinate", "dramatiq")}
# The variants with telemetry in a run over pairs: the first for all tests, the others for what differs.
OBSERVED = [
    (LEADING, "procrastinate"),
    ("litestar", "celery"),
    ("flask", "dramatiq"),
    ("django", "procrastinate"),
]


def worth(variant: Answers) -> str | None:
    """Return a pattern (file::name) for this variant's tests in a run over pairs, or None."""
    if variant["queue"] != "none":  # queues have their own tests
        # But then development runs a Redis, which is the same for both queues.
        if (variant["framework"], variant["queue"]) != (LEADING, "dramatiq"):
            return None
        return FORMATION if variant["database"] == "none" else "test_10_dev"
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
    """Return the answers to a question for several values: none, each (with what it needs), and all."""
    values = list(offered_values(question["choices"]))
    each = [[other for other in values if other in (value, NEEDS.get(value))] for value in values]
    return [[], *each, values]


def python_version() -> str:
    """Return the Python that runs the tests, if the template offers it, because this machine has it."""
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    offered = choices().get("python_version", [here])
    return here if here in offered else str(offered[-1])


@cache
def combinations() -> list[Answers]:
    """Return sets of answers in which each pair of answers to two questions occurs at least once."""
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
    """Tell whether the template allows these answers in one project."""
    names, values = list(choices()), list(choices().values())
    return not conflict({names[question]: values[question][index] for question, index in row.items()})


def _meetings(row: Mapping[int, int]) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Return each pair of answers in a set."""
    return itertools.combinations(sorted(row.items()), 2)


def bootable(**fixed: str) -> list[Answers]:
    """Return all variants that can boot differently: each framework with each database and each queue."""
    every = itertools.product(*([fixed[axis]] if axis in fixed else choices()[axis] for axis in BOOTED))
    rows = [dict(zip(BOOTED, answers, strict=True)) for answers in every]
    return [row for row in rows if not conflict(row)]


def with_clocks(**fixed: str) -> list[Answers]:
    """Return the same variants, each with and (if allowed) without a clock."""
    rows = [{**row, "clock": on} for row in bootable(**fixed) for on in (False, True)]
    return [row for row in rows if not conflict(row)]


def richest(rows: list[Answers]) -> list[Answers]:
    """Return the variants with a clock, and those that cannot have one."""
    return [row for row in rows if row["clock"] or {**row, "clock": True} not in rows]


def label(answers: Answers) -> str:
    """Return a name for a set of answers, for pytest's reports."""
    values = ("+".join(value) if isinstance(value, list) else value for value in answers.values())
    return "-".join(map(str, values)) or "defaults"
