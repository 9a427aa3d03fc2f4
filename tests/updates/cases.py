"""Which updates there are: services, the releases that offered them, and edits that can share an update."""

import itertools
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.support import variants
from tests.support.git import git
from tests.support.template import releases

from .edits import EDITS, STYLES, Edit
from .turns import EVERYWHERE, TURNS, Turn

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
# Of files that no answer takes away.
TURNED = ("route", "setting", "migration", "module", "dependency", "variable", "section")
# Edits with which a service keeps its own checks.
CHECKED = ("route", "module", "test", "fixture", "migration", "section", "ignored", "rules")


@dataclass(frozen=True)
class Case:
    """An update of a service from a release, after these edits, and maybe to other answers and back."""

    service: str
    release: str
    manager: str
    edits: tuple[str, ...]
    style: str = ""  # the one of STYLES that comes last
    turn: Turn | None = None
    boots: bool = False  # whether it is started afterwards

    def __str__(self) -> str:
        return f"{self.service} {self.release} {self.manager}: {self.about}"

    @property
    def about(self) -> str:
        """What happens to it."""
        return self.turn.about if self.turn else ", ".join(filter(None, (*self.edits, self.style)))

    @property
    def start(self) -> Mapping[str, Any]:
        """The answers that it is launched with."""
        if self.turn:
            return {"framework": self.service, **self.turn.start}
        return {**SERVICES[self.service], "package_manager": self.manager}

    @property
    def steps(self) -> Sequence[Mapping[str, Any]]:
        """The answers of each update."""
        if not self.turn:
            return [{}]
        return [self.turn.there] if self.turn.refused else [self.turn.there, self.turn.back]


@cache
def questions(version: str, template: Path) -> dict[str, Any]:
    """Return the questions of a release."""
    read: dict[str, Any] = yaml.safe_load(git(template, "show", f"{version}:copier.yml"))
    return read


def offered(start: Mapping[str, Any], version: str, template: Path) -> dict[str, Any] | None:
    """Return the answers with which a release makes a service, or None if it cannot."""
    asked, answers = questions(version, template), {}
    for name, answer in start.items():
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


def bundles(edits: Sequence[str], seed: str, *, alone: bool) -> list[tuple[str, ...]]:
    """Share edits out among updates so that no two of an update touch the same file."""
    names = [name for name in edits if name not in STYLES]
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


def edited(template: Path, given: Any) -> Iterator[Case]:
    """Yield the services, releases and edits that were asked for, in each style."""
    wanted = given.edit or list(EDITS)
    styles = [style for style in STYLES if style in wanted]
    for version, service, manager in itertools.product(
        given.release or releases(), given.service or SERVICES, given.manager or MANAGERS
    ):
        if offered(SERVICES[service], version, template) is None:
            continue
        for style in styles if given.edit and styles else ["", *styles]:
            seed = f"{given.seed} {version} {service} {manager} {style}"
            for edits in bundles(wanted, seed, alone=given.alone) or [()]:
                yield Case(service, version, manager, edits, style)


def turned(template: Path, given: Any) -> Iterator[Case]:
    """Yield each turn once; frameworks and releases take turns."""
    frameworks = variants.choices()["framework"]
    for index, turn in enumerate(TURNS):
        framework = frameworks[index % len(frameworks)]
        case = Case(framework, "", turn.start.get("package_manager", "uv"), TURNED, turn=turn)
        able = [
            version
            for version in given.release or releases()
            if offered(case.start, version, template) is not None
        ]
        if able:
            version = able[(7 * index + given.seed) % len(able)]
            yield Case(framework, version, case.manager, TURNED, turn=turn)


def checked(template: Path, given: Any) -> Iterator[Case]:
    """Yield an update of each service that is started, and then checks itself; releases take turns."""
    for index, service in enumerate(given.service or SERVICES):
        able = [
            version
            for version in given.release or releases()
            if offered(SERVICES[service], version, template) is not None
        ]
        if able:
            version = able[(7 * index + given.seed) % len(able)]
            yield Case(service, version, MANAGERS[index % len(MANAGERS)], CHECKED, boots=True)
