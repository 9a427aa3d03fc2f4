"""One update, or several after each other, and what has come of each edit."""

import ast
import fnmatch
import json
import os
import re
import tempfile
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from copier.errors import UserMessageError

from tests.support.git import commit_all, git
from tests.support.project import LOCKS, Project, key, let_copier_ask_git_less, once, render, update
from tests.support.template import HEAD

from .boots import GOOD, Backing, boot, check, release
from .cases import Case, offered
from .edits import EDITS, AbsentError, Wanted, lost

MARKERS = re.compile(r"^(<<<<<<<|>>>>>>>)", re.MULTILINE)
# Locks are completed, answers are copier's, and a migration that is committed stays as it is.
NOT_COMPARED = (*LOCKS, ".copier-answers.yml", "*/migrations/*")


@dataclass
class Outcome:
    """What has come of a case."""

    case: Case
    edits: dict[str, list[str]] = field(default_factory=dict)  # the files that each has touched
    conflicts: list[str] = field(default_factory=list)
    lost: dict[str, list[str]] = field(default_factory=dict)  # by edit
    stale: list[str] = field(default_factory=list)  # the template's lines that should have gone
    broken: list[str] = field(default_factory=list)  # files that can no longer be read
    problem: str = ""  # why the update failed
    boot: str = ""  # GOOD, or why `release` or `web` does not start, if that was tried
    checks: str = ""  # GOOD, or which of the service's own checks fail, if they were tried

    def of(self, name: str) -> list[str]:
        """Return the conflicts in what an edit has touched."""
        return [file for file in self.conflicts if file in self.edits[name]]

    @property
    def unexplained(self) -> list[str]:
        """The conflicts in files that no edit has touched."""
        touched = {file for files in self.edits.values() for file in files}
        return [file for file in self.conflicts if file not in touched]

    @property
    def is_clean(self) -> bool:
        """Whether nothing is left to do."""
        return not (self.conflicts or self.lost or self.broken or self.problem)

    @property
    def is_good(self) -> bool:
        """Whether nothing is there that should not be; conflicts are counted alone."""
        bad = self.lost or self.broken or self.problem or self.unexplained
        return not bad and {self.boot, self.checks} <= {"", GOOD}


def quiet() -> None:
    """Silence a process of the pool, since each update prints its report."""
    let_copier_ask_git_less()
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)


def play(case: Case, template: Path, shared: Path, backing: Backing | None = None) -> Outcome:
    """Launch the service of a case, edit it, update it, and look at it."""
    with tempfile.TemporaryDirectory(prefix="update-", dir=shared) as folder:
        project = launched(case, template, shared).copy(Path(folder, "project"))
        outcome, wanted, before = Outcome(case), dict[str, Wanted](), files(project)
        for name in filter(None, (*case.edits, case.style)):
            try:
                wanted[name] = EDITS[name].do(project)
            except AbsentError:
                git(project.path, "checkout", "--quiet", "--", ".")
                git(project.path, "clean", "--quiet", "--force", "-d")
                continue
            commit_all(project.path, name)
            changed = git(project.path, "show", "--name-only", "--no-renames", "--format=", "HEAD")
            outcome.edits[name] = changed.split()
        parsed = set(readable(project))
        ours = files(project)
        if case.turn and case.turn.refused:
            outcome.problem = refusal(project, case)
            return outcome
        try:
            go(outcome, project, shared, backing if case.turn or case.boots else None)
        except Exception as error:  # whatever it is: the table counts it
            outcome.problem = f"{type(error).__name__}: {error}".splitlines()[0]
            return outcome
        for name, lines in wanted.items():
            if missing := lost(project, lines):
                outcome.lost[name] = missing
        now = files(project)
        outcome.broken = sorted(
            name for name in parsed & set(now) - set(readable(project)) if name not in outcome.conflicts
        )
        fresh = files(rendered(project, template, shared))
        outcome.stale = list(stale(before, ours, now, fresh, outcome.conflicts))
        if backing and case.boots and outcome.is_clean and outcome.boot == GOOD:
            outcome.checks = check(project, shared)
        return outcome


def go(outcome: Outcome, project: Project, shared: Path, backing: Backing | None) -> None:
    """Update a service as its case says, with one database for all steps, and start it."""
    database = backing.database() if backing else ""
    for answers in outcome.case.steps:
        update(project.path, answers)
        outcome.conflicts += [each for each in conflicts(project) if each not in outcome.conflicts]
        commit_all(project.path, "Updated")
        if backing and not outcome.conflicts and outcome.boot in ("", GOOD):
            outcome.boot = release(project, shared, backing.variables(project, database))
    if backing and outcome.boot == GOOD:
        outcome.boot = boot(project, shared, backing.variables(project, database))


def refusal(project: Project, case: Case) -> str:
    """Return what is wrong with how an update refuses another answer, or nothing."""
    try:
        update(project.path, case.steps[0])
    except UserMessageError as error:
        changed = git(project.path, "status", "--porcelain")
        return "it has written something" if changed else "" if " stays " in str(error) else str(error)
    return "it was not refused"


def launched(case: Case, template: Path, shared: Path) -> Project:
    """Return a service of a release, made once. It is not to be changed."""
    answers = offered(case.start, case.release, template) or {}

    def make(to: Path) -> None:
        render(template, to, answers, vcs_ref=case.release)
        commit_all(to, "Launch")

    return Project(once(shared / f"launched-{key(case.release, answers)}" / "project", make))


def rendered(project: Project, template: Path, shared: Path) -> Project:
    """Return what the template makes of a service's answers today, made once."""
    answers = {name: answer for name, answer in project.answers().items() if not name.startswith("_")}
    folder = shared / f"fresh-{key(answers)}"
    make = lambda to: render(template, to, answers, vcs_ref=HEAD, skip_tasks=True)  # noqa: E731
    return Project(once(folder / "project", make))


def files(project: Project) -> dict[str, str]:
    """Return the text of each file by its path."""
    paths = (path for path in project.path.rglob("*") if path.is_file())
    names = {path.relative_to(project.path): path for path in paths}
    skipped = {".git", ".venv", ".ruff_cache", "__pycache__"}
    return {
        str(name): path.read_text("utf-8", "replace")
        for name, path in names.items()
        if not skipped & set(name.parts)
    }


def conflicts(project: Project) -> list[str]:
    """Return the files in which both sides stand, by git and by their text."""
    unmerged = git(project.path, "diff", "--name-only", "--diff-filter=U").split()
    marked = [name for name, text in files(project).items() if MARKERS.search(text) or name.endswith(".rej")]
    return sorted({*unmerged, *marked})


def readable(project: Project) -> Iterator[str]:
    """Yield the files that their language can read."""
    for name, text in files(project).items():
        try:
            if name.endswith(".py"):
                ast.parse(text)
            elif name.endswith((".toml", "uv.lock")):
                tomllib.loads(text)
            elif name.endswith(".json"):
                json.loads(text)
            elif name.endswith((".yml", ".yaml")):
                for _ in yaml.parse(text, yaml.SafeLoader):
                    pass
        except (SyntaxError, ValueError, yaml.YAMLError):
            continue
        yield name


def stale(
    before: dict[str, str], ours: dict[str, str], now: dict[str, str], fresh: dict[str, str], torn: list[str]
) -> Iterator[str]:
    """Yield the lines of the release that are in no file of today's, and that nobody of ours has written."""
    for name, text in before.items():
        if any(fnmatch.fnmatch(name, each) for each in NOT_COMPARED) or name in torn or name not in now:
            continue
        if name not in fresh:
            if now[name] == text == ours.get(name):
                yield f"{name} should have gone"
            continue
        kept = Counter(now[name].splitlines())
        old = Counter(text.splitlines()) - Counter(fresh[name].splitlines())
        # What the user has changed is theirs, wherever it stands.
        own = Counter(ours.get(name, "").splitlines()) - Counter(text.splitlines())
        for line, _ in ((kept & old) - own).items():
            if re.search(r"\w", line) and line not in fresh[name]:
                yield f"{name}: {line.strip()}"
