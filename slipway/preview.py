"""`slipway update --preview DIR`: show what an update would do to each file, and write nothing."""

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from copier.errors import UserMessageError

from .apply import Outcome, Updates
from .repository import git
from .service import Service

KINDS = ("new", "clean", "merged")


def preview(service: Service, data: Mapping[str, str], version: str, updates: Updates) -> Outcome:
    """Update a temporary clone of the last commit."""
    top = git(service.path, "rev-parse", "--show-toplevel")
    if not top or not git(service.path, "rev-parse", "--verify", "HEAD"):
        raise UserMessageError(
            f"{service.path} is not in git, or has no commit yet: an update compares commits."
        )
    with tempfile.TemporaryDirectory(prefix="slipway-") as scratch:
        clone = Path(scratch, Path(top).name)
        git(Path(top), "clone", "--quiet", "--shared", top, str(clone))
        folder = clone / service.path.relative_to(Path(top).resolve())
        if (service.path / ".venv").is_dir():  # the clone needs the service's own formatter and Python
            (clone / ".git" / "info" / "exclude").write_text(".venv\n")
            (folder / ".venv").symlink_to(service.path / ".venv")
        return updates.run(service, folder, data, version)


def lines(service: Service, outcome: Outcome) -> Iterator[str]:
    """Say what the update would do."""
    report = outcome.report
    yield f"{service.path.name}: {report['from']} to {report['to']}. Nothing has been written."
    for section in report["changes"]:
        yield f"\n{section}"
    yield ""
    for kind in KINDS:
        for name in report[kind]:
            yield f"  {kind:9} {name}"
    for name in report["conflicts"]:
        yield f"  {'conflict':9} {name}"
    yield from report["meetings"]
    yield from report["gone"]
    if report["migrations"]:
        yield f"New migrations, which `release` would run: {', '.join(report['migrations'])}."
    if outcome.notes:
        yield "The update would print:"
        yield from (f"  {note}" for note in outcome.notes)
    yield f"Then: `slipway update {service.path}`"
