"""A service: its template, its version, and the files that its user has edited."""

import hashlib
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from copier import run_copy
from copier.errors import UserMessageError
from packaging.version import Version

from . import errors
from .changelog import changes, options
from .repository import at_hand, git, key, newest, parsed
from .source import own

ANSWERS = ".copier-answers.yml"
# The folders that the template owns: an edit there may conflict with each later version.
OWNED = ("{package}/runtime/", "tests/contract/")


@dataclass(frozen=True)
class Service:
    """A service's folder, its answers, and the template that it names."""

    path: Path
    answers: Mapping[str, Any]
    template: Path

    @property
    def address(self) -> str:
        """The template's address, as the service stores it."""
        return str(self.answers["_src_path"])

    @property
    def version(self) -> str:
        """The version of the template that the service has."""
        return str(self.answers["_commit"])

    @property
    def newest(self) -> str:
        """The newest version of the template."""
        return newest(self.template)

    @property
    def is_behind(self) -> bool:
        """Whether there is a newer version. A version between two releases counts as the earlier one."""
        return released(self.version) < released(self.newest)

    def changes(self) -> list[str]:
        """Return the changelog since its version, for its answers."""
        log = git(self.template, "show", f"{self.newest}:CHANGELOG.md")
        questions = yaml.safe_load(git(self.template, "show", f"{self.newest}:copier.yml"))
        since, until = released(self.version), released(self.newest)
        return changes(log, since, until, options(questions), self.answers)

    def edited(self) -> list[str]:
        """Return the template's files that the user has edited."""
        with tempfile.TemporaryDirectory(prefix="slipway-") as folder, errors.one_line(self.address):
            made = Path(folder, "copier._main.old_copy.slipway")  # extensions/target.py checks for this name
            run_copy(
                str(self.template),
                made,
                data={name: answer for name, answer in self.answers.items() if not name.startswith("_")},
                vcs_ref=self.version,
                defaults=True,
                unsafe=True,
                quiet=True,
                skip_tasks=True,
            )
            files = [path for path in made.rglob("*") if path.is_file()]
            names = [str(path.relative_to(made)) for path in files]
            locks = ("uv.lock", "requirements.txt", "requirements-dev.txt", ANSWERS)
            return sorted(name for name in names if name not in locks and self._differs(name, made / name))

    def _differs(self, name: str, made: Path) -> bool:
        here = self.path / name
        return here.is_file() and digest(here) != digest(made)

    def owned(self, name: str) -> bool:
        """Tell whether the template owns a file."""
        return name.startswith(tuple(each.format(package=self.answers.get("package")) for each in OWNED))


def digest(path: Path) -> str:
    """Return a hash of a file's content."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def released(described: str) -> Version:
    """Return the release that a version is or follows: for `1.0.0-3-g1234567` it is 1.0.0."""
    return parsed(described) or parsed(described.partition("-")[0]) or Version("0.0.0")


def find(path: Path) -> Service:
    """Return the service in a folder. Raises UserMessageError if its template is not the launcher's."""
    if not shutil.which("git"):
        raise UserMessageError("git was not found. Install it: Slipway needs git.")
    folder = path.resolve()
    answers = errors.answers(folder / ANSWERS)
    address, ours = str(answers["_src_path"]), own().address
    remote = git(Path(ours), "config", "--get", "remote.origin.url") if Path(ours).is_dir() else ""
    if key(address) not in (key(ours), key(remote)):
        raise UserMessageError(
            f"{path} uses the template at {address}, but this launcher trusts only {remote or ours}: "
            "use the launcher of that template, or run `copier update` yourself."
        )
    return Service(folder, answers, Path(ours) if Path(ours).is_dir() else at_hand(address))
