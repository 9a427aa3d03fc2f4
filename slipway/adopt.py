"""`slipway adopt DIR`: add the files that an existing service lacks, and say what is left to do."""

import filecmp
import shlex
import shutil
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from copier import run_copy
from copier.errors import UserMessageError

from .errors import one_line, say
from .guess import guesses, manifest, named
from .new import is_inside, summary
from .repository import git
from .service import ANSWERS
from .source import own

KEPT = ".slipway-kept"  # tasks/merge.py reads it
PRISTINE = "slipway-adopt"  # a folder inside git's: the template's version of files that the service has
HEAD_OF_KEPT = """\
# These files existed before Slipway, so `copier update` leaves them unchanged.
# Once you have merged the template's version of a file into yours, delete its line: updates then change it.
"""
LOCKS = ("uv.lock", "requirements.txt", "requirements-dev.txt")  # an update skips them in any case
# Files whose lines are independent of each other, so the missing lines can be listed.
LINES = (".gitignore", ".dockerignore", ".env.example", "Procfile")
LONGEST_LIST = 8


def adopt(folder: Path, data: Mapping[str, str], *, defaults: bool, version: str | None) -> None:
    """Bring a service under the template. Raises UserMessageError before anything is written."""
    template = own()
    if is_inside(folder, template):
        raise UserMessageError(f"{folder} is inside the template's clone, so it is not a service.")
    refuse(folder)
    folder = folder.resolve()
    known = guesses(folder)
    if defaults and "framework" not in {**known, **data}:
        raise UserMessageError(f"{folder} does not show which framework it uses: add `-d framework=NAME`.")
    if known:
        say(f"Read from {folder.name}: {', '.join(f'{name} {answer}' for name, answer in known.items())}.")
    has_manifest = (folder / "pyproject.toml").exists()
    with tempfile.TemporaryDirectory(prefix="slipway-") as scratch:
        made = Path(scratch, folder.name)
        with hint(folder, known.keys() - data.keys()), one_line(template.address):
            worker = run_copy(
                template.address,
                made,
                data=dict(data),
                user_defaults=known,
                defaults=defaults,
                vcs_ref=version or template.version,
                unsafe=True,  # the user trusts the template, because the launcher came with it
                quiet=True,
                skip_tasks=has_manifest,
            )
        if has_manifest:  # this lock file matches the template's manifest, not the user's
            (made / "uv.lock").unlink(missing_ok=True)
        answers = worker.answers.combined
        new, kept = compared(folder, made, answers["package"])
        if listed := [name for name in kept if name not in LOCKS]:
            (made / KEPT).write_text(HEAD_OF_KEPT + "".join(f"{name}\n" for name in listed), "utf-8")
            new.append(KEPT)
        pristine = keep(folder, made, kept)
        write(folder, made, new)
        uv = answers["package_manager"] == "uv"
        say(f"Adopted {folder.name}: {len(new)} new files, with {summary(answers)}.")
        say("No existing file has changed. What is left for you to do:")
        left = [*to_fill(folder, new, answers["package"]), *to_merge(folder, made, kept, pristine, answers)]
        for line in left:
            say(f"  {line}")
    python = "uv run python" if uv else ".venv/bin/python"
    say(f"Next: `cd {shlex.quote(str(folder))}`, do these, run `{python} -m dev check`, and commit.")
    say("Until you commit, `git clean -fd` in that folder undoes everything.")


@contextmanager
def hint(folder: Path, guessed: Collection[str]) -> Iterator[None]:
    """Say how to give another answer if the template refuses one that was read from the service."""
    try:
        yield
    except UserMessageError as error:
        question = str(error).partition(" ")[0]
        if question not in guessed:
            raise
        more = f"It was read from {folder.name}: add `-d {question}=ANSWER` with another answer."
        raise UserMessageError(f"{error} {more}") from None


def refuse(folder: Path) -> None:
    """Refuse a folder that cannot be adopted, or could not be restored. Raises UserMessageError."""
    if not shutil.which("git"):
        raise UserMessageError("git was not found. Install it: Slipway needs git.")
    if not folder.is_dir():
        raise UserMessageError(
            f"There is no folder {folder}: `slipway new {folder}` launches a service there."
        )
    if not any(path.name != ".git" for path in folder.iterdir()):
        raise UserMessageError(f"{folder} is empty: `slipway new {folder}` launches a service there.")
    if (folder / ANSWERS).exists():
        raise UserMessageError(f"{folder} already has {ANSWERS}: `slipway update {folder}` updates it.")
    if (folder / KEPT).exists():
        raise UserMessageError(f"{folder} has a {KEPT} from an earlier adoption: delete it and commit first.")
    if not git(folder, "rev-parse", "--verify", "HEAD"):
        raise UserMessageError(f"{folder} is not in git, or has no commit yet: commit it first.")
    if git(folder, "status", "--porcelain"):
        raise UserMessageError(f"{folder} has uncommitted changes: commit or stash them first.")


def compared(folder: Path, made: Path, package: str) -> tuple[list[str], list[str]]:
    """Return the files that the service lacks, and those that differ.

    Raises UserMessageError if one cannot be written where it belongs.
    """
    for other in (f"{package}.py", f"src/{package}"):
        if (folder / other).exists():
            raise UserMessageError(
                f"{other} has the same name as the package {package}, and one would hide the other: "
                "choose another name with `-d package=NAME`."
            )
    new, kept = [], []
    for path in sorted(each for each in made.rglob("*") if each.is_file()):
        name = path.relative_to(made).as_posix()
        there = folder / name
        nearest = next(each for each in there.parents if each.exists() or each.is_symlink())
        if not nearest.is_dir() or not nearest.resolve().is_relative_to(folder):
            raise UserMessageError(f"{name} cannot be written: {nearest} is not a folder of the service.")
        if not there.exists() and not there.is_symlink():
            new.append(name)
        elif not there.is_file():
            raise UserMessageError(f"{name} cannot be written: a folder, or a broken link, has its name.")
        elif not filecmp.cmp(there, path, shallow=False):
            kept.append(name)
    return new, kept


def write(folder: Path, made: Path, names: Sequence[str]) -> None:
    """Copy files into the service. If that fails or is stopped, remove all of them again."""
    begun: list[Path] = []
    try:
        for name in names:
            target = folder / name
            for parent in reversed(target.relative_to(folder).parents[:-1]):
                if not (folder / parent).exists():
                    begun.append(folder / parent)
                    (folder / parent).mkdir()
            begun.append(target)
            shutil.copy2(made / name, target)
    except BaseException as error:
        for path in reversed(begun):
            if path.is_dir():
                path.rmdir()
            else:
                path.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise UserMessageError(f"Nothing was changed in {folder}: {error}") from None
        raise


def keep(folder: Path, made: Path, kept: Sequence[str]) -> Path:
    """Keep the template's version of existing files in git's folder, for comparison."""
    place = Path(git(folder, "rev-parse", "--git-path", PRISTINE))
    shutil.rmtree(folder / place, ignore_errors=True)
    for name in kept:
        target = folder / place / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(made / name, target)
    return place


def to_fill(folder: Path, new: Sequence[str], package: str) -> Iterator[str]:
    """Say what to do with the new files."""
    for name in (f"{package}/app.py", f"{package}/settings.py", f"{package}/django_settings.py"):
        if name in new:
            yield f"{name} is new, and the service runs it: move your code into it."
    if f"{package}/notes.py" in new:
        yield f"{package}/notes.py is an example: delete it, its tests and its migration before you deploy."
    if "pyproject.toml" in new and (folder / "requirements.txt").exists():
        yield "pyproject.toml is new: add the packages of requirements.txt to its dependencies."
    if hidden := git(folder, "check-ignore", "--", *new).splitlines():
        yield f"git ignores these, so use `git add --force` or `rm` for them: {shortened(hidden)}."


def to_merge(
    folder: Path, made: Path, kept: Sequence[str], pristine: Path, answers: Mapping[str, Any]
) -> Iterator[str]:
    """Say which files both sides have, and which lines or keys the service's files lack."""
    if not kept:
        return
    package = answers["package"]
    if f"{package}/app.py" in kept:
        yield f"{package}/app.py is yours: `web` runs the application that its create_app(settings) returns."
    if f"{package}/settings.py" in kept:
        elsewhere = ": move Django's into django_settings.py" if answers["framework"] == "django" else ""
        yield f"{package}/settings.py is yours, and every process imports Settings from it{elsewhere}."
    if "pyproject.toml" in kept:
        yield from unmet(manifest(folder), manifest(made), uv=answers["package_manager"] == "uv")
    for name in LINES:
        if name in kept and (lines := lacking(folder / name, made / name)):
            yield f"{name} lacks: {'; '.join(lines)}"
    yield f"Files that both you and the template have; yours are unchanged: {shortened(kept)}."
    yield f"Compare them with `git diff --no-index {pristine}/FILE FILE`. {KEPT} excludes them from updates."


def shortened(names: Sequence[str]) -> str:
    """Return the first names, and how many more there are."""
    more = f" and {len(names) - LONGEST_LIST} more" if len(names) > LONGEST_LIST else ""
    return ", ".join(names[:LONGEST_LIST]) + more


def unmet(mine: Mapping[str, Any], theirs: Mapping[str, Any], *, uv: bool) -> Iterator[str]:
    """Say what a pyproject.toml lacks: dependencies (as `uv add` commands if possible) and tool settings."""
    project = mine.get("project") or mine.get("tool", {}).get("poetry", {})
    have = project.get("dependencies", []), mine.get("dependency-groups", {}).get("dev", [])
    want = theirs["project"]["dependencies"], theirs["dependency-groups"]["dev"]
    for kind, own_lines, lines in zip(("", "dev"), have, want, strict=True):
        names = {named(each) for each in own_lines if isinstance(each, str)}
        lacks = [
            each for each in lines if each not in own_lines and not (each == named(each) and each in names)
        ]
        if lacks and uv and "project" in mine:
            yield " ".join(["uv add", *(["--dev"] if kind else []), *map(shlex.quote, lacks)])
        elif lacks:
            yield f"pyproject.toml lacks these {kind or 'direct'} dependencies: {', '.join(lacks)}."
    if "project" not in mine:
        yield "pyproject.toml lacks the table [project], which installers read."
    if tables := [f"[tool.{name}]" for name in theirs["tool"] if name not in mine.get("tool", {})]:
        yield f"pyproject.toml lacks {', '.join(tables)}."


def lacking(mine: Path, theirs: Path) -> list[str]:
    """Return the lines of the template's file that the service's lacks, without comments."""
    have = {line.strip() for line in mine.read_text("utf-8", "replace").splitlines()}
    lines = [line.strip() for line in theirs.read_text("utf-8").splitlines()]
    return [line for line in lines if line and not line.startswith("#") and line not in have]
