"""The sets of answers, read from copier.yml, so that a new choice is tested from the day it stands there."""

import itertools
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import yaml

from .template import ROOT

type Answers = Mapping[str, Any]

# What every rendering answers to what has no choices: with it, a test's project never depends on who runs it.
IDENTITY = {
    "project_name": "Order Desk",
    "description": "Takes orders and hands them on.",
    "user_name": "Ada Lovelace",
    "user_email": "ada@example.com",
}


@cache
def choices() -> dict[str, list[Any]]:
    """Return the values of each question that has choices."""
    questions = yaml.safe_load((ROOT / "copier.yml").read_text())
    return {
        name: list(_values(question["choices"]))
        for name, question in questions.items()
        if not name.startswith("_") and isinstance(question, dict) and "choices" in question
    }


def _values(offered: Any) -> Iterator[Any]:
    """Yield the values of copier's forms of `choices`: a list, pairs, or a mapping to values or details."""
    pairs = offered.items() if isinstance(offered, dict) else ((None, item) for item in offered)
    for _, value in pairs:
        if isinstance(value, list):
            value = value[-1]
        yield value["value"] if isinstance(value, dict) else value


def python_version() -> str:
    """Return the Python that runs the tests, where the template offers it: it is surely on this machine."""
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    offered = choices().get("python_version", [here])
    return here if here in offered else str(offered[-1])


def combinations() -> list[Answers]:
    """Return every valid combination of the questions with choices."""
    names = list(choices())
    return [dict(zip(names, values, strict=True)) for values in itertools.product(*choices().values())]


def bootable() -> list[Answers]:
    """Return what can boot differently: each framework with each database."""
    pairs = itertools.product(choices()["framework"], choices()["database"])
    return [{"framework": framework, "database": database} for framework, database in pairs]


def label(answers: Answers) -> str:
    """Name a set of answers, for the reports of pytest."""
    return "-".join(str(value) for value in answers.values()) or "defaults"
