"""Answers that change, and change back: each option on, off and on again, on one database."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from extensions.options import conflict
from tests.support import variants

EVERYWHERE = ["heroku", "docker", "kubernetes", "fly", "render"]
EVERYTHING = ["opentelemetry", "sentry", "prometheus"]
# What a turn starts from, if it does not say otherwise.
DEFAULTS: dict[str, Any] = {
    "database": "postgres",
    "queue": "none",
    "clock": False,
    "observability": [],
    "package_manager": "uv",
    "platforms": ["heroku", "docker"],
    "ci": "github",
    "license": "none",
    "python_version": variants.python_version(),
    **variants.IDENTITY,
}


@dataclass(frozen=True)
class Turn:
    """Answers of a service, others that it gets, and then the first ones again."""

    about: str
    start: Mapping[str, Any]
    there: Mapping[str, Any]
    refused: bool = False  # the update says how to do it otherwise, and writes nothing

    @property
    def back(self) -> Mapping[str, Any]:
        """The answers with which the service is what it was."""
        return {name: {**DEFAULTS, **self.start}[name] for name in self.there}


def named(answer: Any) -> str:
    """Return an answer as it is read in a table."""
    return ", ".join(answer) or "none" if isinstance(answer, list) else str(answer)


def between(question: str, first: Any, second: Any, **start: Any) -> Turn:
    """Return the turn from one answer to another, in a service with some more answers."""
    more = "".join(f", with {name} {answer}" for name, answer in start.items())
    about = f"{question}: {named(first)} → {named(second)}{more}"
    there = {question: second}
    if second == "none" and start.get("queue") == "procrastinate":
        there["queue"] = "none"
    return Turn(about, {**start, question: first}, there)


def every() -> Iterator[Turn]:
    """Yield every turn."""
    choices = variants.choices()
    for database in choices["database"]:
        for first, second in itertools.permutations(choices["queue"], 2):
            turn = between("queue", first, second, database=database)
            if not any(conflict({**turn.start, **answers}) for answers in ({}, turn.there)):
                yield turn
    for first, second in itertools.permutations(choices["database"], 2):
        for queue in ("none", "dramatiq"):
            yield between("database", first, second, queue=queue)
    yield between("database", "postgres", "none", queue="procrastinate")
    for queue in ("dramatiq", "celery"):
        for first, second in itertools.permutations((False, True), 2):
            yield between("clock", first, second, queue=queue)
    for chosen in choices["observability"][1:]:
        yield between("observability", [], chosen)
    yield between("observability", choices["observability"][-1], [])
    for first, second in itertools.permutations(choices["package_manager"], 2):
        yield between("package_manager", first, second)
    for first, second in (([], EVERYWHERE), (EVERYWHERE, []), (["heroku"], ["docker", "fly"])):
        yield between("platforms", first, second)
    for question in ("ci", "license"):
        for first, second in itertools.combinations(choices[question], 2):
            yield between(question, first, second)
    for version in choices["python_version"]:
        if version != DEFAULTS["python_version"]:
            yield between("python_version", DEFAULTS["python_version"], version)
    yield between("project_name", DEFAULTS["project_name"], "Orders & returns")
    for question, answer in (("framework", "litestar"), ("package", "another")):
        yield Turn(f"{question}: another one is refused", {}, {question: answer}, refused=True)


TURNS = list(every())
# One way through all pairs of queues, with other answers beside them, that ends where it began.
TOUR: list[dict[str, Any]] = [
    {"queue": "procrastinate", "observability": ["opentelemetry"], "ci": "gitlab"},
    {"queue": "celery", "observability": ["sentry"], "license": "MIT"},
    {"queue": "procrastinate", "observability": ["prometheus"], "ci": "none"},
    {
        "queue": "dramatiq",
        "observability": EVERYTHING,
        "package_manager": "pip",
    },
    {"queue": "celery", "clock": True, "ci": "github", "platforms": EVERYWHERE},
    {"queue": "none", "clock": False, "observability": [], "database": "none"},
    {"queue": "celery", "ci": "none", "license": "Apache-2.0"},
    {"queue": "dramatiq", "clock": True, "database": "postgres", "platforms": []},
    {"queue": "procrastinate", "clock": False, "package_manager": "uv"},
    {"queue": "none", "ci": "gitlab", "license": "none"},
    {"queue": "dramatiq", "clock": True, "platforms": ["docker", "kubernetes"]},
    {"queue": "none", "clock": False, "ci": "github", "platforms": ["heroku", "docker"]},
]
# Each queue once, and each other answer of that way.
SHORT_TOUR: list[dict[str, Any]] = [
    {"queue": "procrastinate", "observability": ["opentelemetry"], "ci": "gitlab", "license": "MIT"},
    {"queue": "dramatiq", "clock": True, "observability": EVERYTHING, "package_manager": "pip"},
    {"queue": "none", "clock": False, "observability": [], "database": "none", "platforms": EVERYWHERE},
    {"queue": "celery", "clock": True, "database": "postgres", "platforms": [], "ci": "none"},
    {
        "queue": "none",
        "clock": False,
        "package_manager": "uv",
        "platforms": ["heroku", "docker"],
        "ci": "github",
        "license": "none",
    },
]
