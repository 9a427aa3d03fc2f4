"""`slipway update DIR…`: each service on a branch of its own, committed where nothing is left to choose."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from copier.errors import UserMessageError

from .apply import Outcome, Updates
from .repository import git
from .service import Service

BRANCH = "slipway-"


@dataclass(frozen=True)
class Result:
    """How an update ended, in one word, with what belongs to it."""

    state: str
    about: str = ""
    outcome: Outcome = field(default_factory=Outcome)

    @property
    def is_good(self) -> bool:
        """Whether nothing is left to do."""
        return self.state in ("clean", "up to date")


def update(
    service: Service, data: Mapping[str, str], version: str, updates: Updates, *, check: bool
) -> Result:
    """Update a service, which has nothing uncommitted, on a new branch.

    If that fails, or is stopped, its tree is as it was.
    """
    path = service.path
    branch, before = BRANCH + version, git(path, "rev-parse", "--verify", "HEAD")
    if git(path, "rev-parse", "--verify", "--quiet", f"refs/heads/{branch}"):
        raise UserMessageError(f"{path} has a branch {branch} already: delete it, or update there yourself.")
    git(path, "switch", "--quiet", "--create", branch)
    outcome = Outcome(problem="Stopped.")
    try:
        outcome = updates.run(service, path, data, version)
    finally:
        if outcome.problem:
            put_back(path)
    if outcome.problem:
        return Result("failed", outcome.problem, outcome)
    if outcome.conflicts:
        return Result("conflicts", ", ".join(outcome.conflicts), outcome)
    git(path, "add", "--all", "--", ".")
    git(path, "commit", "--quiet", "--message", f"Update the template from {service.version} to {version}")
    if git(path, "rev-parse", "HEAD") == before:
        return Result("not committed", "git would not: run `git commit` there", outcome)
    return checked(path, updates, outcome) if check else Result("clean", f"branch {branch}", outcome)


def refuse(service: Service) -> None:
    """Refuse what an update could not put back. Raises UserMessageError."""
    path = service.path
    if not git(path, "rev-parse", "--verify", "HEAD"):
        raise UserMessageError(f"{path} is not in git, or has no commit yet: commit it first.")
    if not git(path, "status", "--porcelain"):
        return
    if git(path, "branch", "--show-current").startswith(BRANCH):
        raise UserMessageError(
            f"{path} is in the middle of an update: finish and commit it, or `slipway update --abort {path}` "
            "puts everything back."
        )
    raise UserMessageError(f"{path} has changes that are not committed: commit or stash them first.")


def put_back(path: Path) -> None:
    """Undo an update that has not been committed: the tree and the branch are as they were."""
    branch = git(path, "branch", "--show-current")
    top = Path(git(path, "rev-parse", "--show-toplevel"))
    git(top, "reset", "--quiet", "--hard")
    git(top, "clean", "--quiet", "--force", "-d")
    git(top, "checkout", "--quiet", "-")  # a branch, or a commit without one
    git(top, "branch", "--quiet", "--delete", "--force", branch)


def abort(path: Path) -> None:
    """Undo an update that was interrupted, or whose conflicts nobody wants. Raises UserMessageError."""
    if not git(path, "branch", "--show-current").startswith(BRANCH):
        raise UserMessageError(f"{path} is in no update: its branch is not one of `slipway update`.")
    put_back(path)


def checked(path: Path, updates: Updates, outcome: Outcome) -> Result:
    """Run the service's own checks, if it has its command for them and an environment for that."""
    command = checks(path)
    if not command:
        return Result("clean", "not checked", outcome)
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    _, status = updates.execute(command, path, environment)
    shown = " ".join(command)
    return Result("checks failed", f"`{shown}`", outcome) if status else Result("clean", "checked", outcome)


def checks(path: Path) -> list[str]:
    """Return the command of a service's checks, or nothing."""
    if not (path / "dev" / "check.py").exists():
        return []
    if (path / "uv.lock").exists():
        return ["uv", "run", "python", "-m", "dev", "check"]
    return [".venv/bin/python", "-m", "dev", "check"] if (path / ".venv").exists() else []
