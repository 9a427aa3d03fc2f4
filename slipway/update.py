"""`slipway update DIR…`: update each service on a new branch, and commit it if there is no conflict."""

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
    """How an update ended: its state, details, and outcome."""

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
    """Update a service without uncommitted changes, on a new branch.

    If the update fails or is stopped, the working tree is restored.
    """
    path = service.path
    branch, before = BRANCH + version, git(path, "rev-parse", "--verify", "HEAD")
    if git(path, "rev-parse", "--verify", "--quiet", f"refs/heads/{branch}"):
        raise UserMessageError(
            f"{path} already has a branch {branch}: delete it, or run `copier update` there yourself."
        )
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
        return Result("not committed", "git refused: run `git commit` there", outcome)
    return checked(path, updates, outcome) if check else Result("clean", f"branch {branch}", outcome)


def refuse(service: Service) -> None:
    """Refuse a service that a failed update could not restore. Raises UserMessageError."""
    path = service.path
    if not git(path, "rev-parse", "--verify", "HEAD"):
        raise UserMessageError(f"{path} is not in git, or has no commit yet: commit it first.")
    if not git(path, "status", "--porcelain"):
        return
    if git(path, "branch", "--show-current").startswith(BRANCH):
        raise UserMessageError(
            f"{path} has an unfinished update: finish and commit it, or undo it with "
            f"`slipway update --abort {path}`."
        )
    raise UserMessageError(f"{path} has uncommitted changes: commit or stash them first.")


def put_back(path: Path) -> None:
    """Undo an update that is not committed: restore the working tree and the branch."""
    branch = git(path, "branch", "--show-current")
    top = Path(git(path, "rev-parse", "--show-toplevel"))
    git(top, "reset", "--quiet", "--hard")
    git(top, "clean", "--quiet", "--force", "-d")
    git(top, "checkout", "--quiet", "-")  # a branch, or a commit without one
    git(top, "branch", "--quiet", "--delete", "--force", branch)


def abort(path: Path) -> None:
    """Undo an update that was interrupted or has conflicts. Raises UserMessageError."""
    if not git(path, "branch", "--show-current").startswith(BRANCH):
        raise UserMessageError(
            f"{path} has no unfinished update: its branch was not made by `slipway update`."
        )
    put_back(path)


def checked(path: Path, updates: Updates, outcome: Outcome) -> Result:
    """Run the service's own checks, if it has a command and an environment for them."""
    command = checks(path)
    if not command:
        return Result("clean", "not checked", outcome)
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    _, status = updates.execute(command, path, environment)
    shown = " ".join(command)
    return Result("checks failed", f"`{shown}`", outcome) if status else Result("clean", "checked", outcome)


def checks(path: Path) -> list[str]:
    """Return the command that runs a service's checks, or an empty list."""
    if not (path / "dev" / "check.py").exists():
        return []
    if (path / "uv.lock").exists():
        return ["uv", "run", "python", "-m", "dev", "check"]
    return [".venv/bin/python", "-m", "dev", "check"] if (path / ".venv").exists() else []
