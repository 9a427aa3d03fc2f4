"""Which updates there are: services, the releases that offered them, and edits that can share an update."""

import itertools
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from extensions.options import conflict
from tests.support import variants
from tests.support.git import git
from tests.support.template import releases

from .edits import EDITS, Edit

EVERYWHERE = ["heroku", "docker", "kubernetes", "fly", "render"]
# The main variants: each framework with and without a database, each queue, platform and CI.
SERVICES: dict[str, dict[str, Any]] = {
    "fastapi": {},
    "fastapi-plain": {"database": "none", "platforms": [], "ci": "none"},
    "fastapi-procrastinate": {"queue": "procrastinate", "platforms": EVERYWHERE},
    "fastapi-dramatiq": {"queue": "dramatiq", "clock": True, "ci": "gitlab", "platforms": EVERYWHERE},
    "litestar": {"framework": "litestar", "queue": "celery"},
    "litestar-plain": {"framework": "litestar", "database": "none"},
    "flask": {"framework": "flask", "queue": "dramatiq", "ci": "gitlab"},
    "flask-plain": {"framework": "flask", "database": "none"},
    "django": {"framework": "django", "queue": "procrastinate"},
    "django-celery": {"framework": "django", "queue": "celery", "clock": True, "platforms": EVERYWHERE},
}
MANAGERS = ("uv", "pip")
OFF: tuple[Any, ...] = ("none", False, [])
TOGETHER = 8  # edits that share an update, or thereabouts


@dataclass(frozen=True)
class Case:
    """An update of a service from a release, after these edits, and maybe answers to and fro."""

    service: str
    release: str
    manager: str
    edits: tuple[str, ...]
    answers: tuple[Mapping[str, Any], ...] = ()  # of one update after the other
    about: str = ""  # what these do

    def __str__(self) -> str:
        return f"{self.service} {self.release} {self.manager}: {self.about or ', '.join(self.edits)}"


# Answers to and fro, each with edits that have nothing to do with them.
TURNS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "no database, and back": ({"database": "none", "queue": "none"}, {"database": "postgres"}),
    "Procrastinate, and no queue": ({"queue": "procrastinate"}, {"queue": "none"}),
    "Dramatiq with a clock, and no queue": (
        {"queue": "dramatiq", "clock": True},
        {"queue": "none", "clock": False},
    ),
    "Celery, and no queue": ({"queue": "celery"}, {"queue": "none"}),
    "the other package manager, and back": ({"package_manager": "pip"}, {"package_manager": "uv"}),
    "no platforms, and all": ({"platforms": []}, {"platforms": EVERYWHERE}),
    "GitLab, and GitHub": ({"ci": "gitlab"}, {"ci": "github"}),
    "observability, and none": ({"observability": ["opentelemetry", "sentry"]}, {"observability": []}),
}
TURNED = ("fastapi", "litestar-plain", "flask-plain", "django")  # the services whose answers turn
# Of files that no answer takes away.
TURNED_EDITS = ("route", "setting", "migration", "module", "dependency", "variable", "section")


@cache
def questions(version: str, template: Path) -> dict[str, Any]:
    """Return the questions of a release."""
    read: dict[str, Any] = yaml.safe_load(git(template, "show", f"{version}:copier.yml"))
    return read


def offered(service: str, version: str, template: Path) -> dict[str, Any] | None:
    """Return the answers with which a release makes a service, or None if it cannot."""
    asked, answers = questions(version, template), {}
    for name, answer in SERVICES[service].items():
        if name not in asked:
            if answer in OFF or name == "platforms":
                continue
            return None
        choices = list(variants.offered_values(asked[name].get("choices", [])))
        if isinstance(answer, list):
            answers[name] = [each for each in answer if each in choices]
        elif answer in choices or not choices:
            answers[name] = answer
        else:
            return None
    return answers


def can_turn(service: str, answers: Mapping[str, Any]) -> bool:
    """Tell whether the template takes these answers in this service."""
    return not conflict({"database": "postgres", "queue": "none", **SERVICES[service], **answers})


def bundles(edits: Sequence[str], seed: str, *, alone: bool) -> list[tuple[str, ...]]:
    """Share edits out among updates so that no two of an update touch the same file."""
    names = list(edits)
    if alone:
        return [(name,) for name in names]
    random.Random(seed).shuffle(names)
    shared: list[list[Edit]] = [[] for _ in range(-(-len(names) // TOGETHER))]
    for each in map(EDITS.__getitem__, names):
        free = [bundle for bundle in shared if not any(each.clashes(other) for other in bundle)]
        if not free:
            shared.append([])
        min(free or shared[-1:], key=len).append(each)
    return [tuple(edit.name for edit in bundle) for bundle in shared if bundle]


def every(template: Path, given: Any) -> Iterator[Case]:
    """Yield the cases of the services, releases and edits that were asked for."""
    for version in given.release or releases():
        for service in given.service or SERVICES:
            if offered(service, version, template) is None:
                continue
            for manager in given.manager or MANAGERS:
                seed = f"{given.seed} {version} {service} {manager}"
                for edits in bundles(given.edit or list(EDITS), seed, alone=given.alone):
                    yield Case(service, version, manager, edits)
                if manager == "uv" and service in TURNED and not given.edit:
                    for about, (there, back) in TURNS.items():
                        if can_turn(service, there) and can_turn(service, back):
                            yield Case(service, version, manager, TURNED_EDITS, ({}, there, back), about)


def sample(cases: Sequence[Case], number: int, seed: int) -> list[Case]:
    """Return some cases, as many of each release as of any other, and the same for the same seed."""
    shuffled = random.Random(seed).sample(cases, len(cases))
    by_release: dict[str, list[Case]] = {}
    for case in shuffled:
        by_release.setdefault(case.release, []).append(case)
    turns = itertools.zip_longest(*(by_release[version] for version in releases() if version in by_release))
    return [case for turn in turns for case in turn if case][:number]
