"""`status` and `update` for many services: in parallel, with progress, and a table at the end."""

import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path

from copier.errors import UserMessageError

from .apply import Updates
from .errors import say
from .preview import lines, preview
from .repository import git
from .service import Service, find, released
from .update import Result, refuse, update

EDITED = 8  # the most names of edited files that status prints


def status(folders: Sequence[Path]) -> int:
    """Print each service's version, the changes since, and its edited files."""
    failed = 0
    for folder in folders:
        try:
            for line in about(find(folder)):
                print(line)
        except UserMessageError as error:
            say(str(error))
            failed = 1
    return failed


def about(service: Service) -> Iterator[str]:
    """Return what `slipway status` says about a service."""
    newest = service.newest
    behind = f"{newest} is available" if service.is_behind else "up to date"
    yield f"{service.path.name}: {service.version}, {behind}."
    for section in service.changes() if service.is_behind else []:
        yield f"\n{section}\n"
    edited = service.edited()
    owned = [name for name in edited if service.owned(name)]
    others = [name for name in edited if name not in owned]
    yield f"  Edited, among the template's files: {', '.join(owned) or 'none'}."
    more = f" and {len(others) - EDITED} more" if len(others) > EDITED else ""
    yield f"  Edited, among your own files: {', '.join(others[:EDITED]) or 'none'}{more}."


def update_all(
    folders: Sequence[Path],
    data: Mapping[str, str],
    version: str | None,
    *,
    check: bool,
    jobs: int,
    dry: bool = False,
) -> int:
    """Update services in parallel, or show what would change, and return the exit status."""
    updates, results = Updates(), dict[Path, Result]()
    tops: set[str] = set()

    def one(service: Service) -> Result:
        wanted = version or service.newest
        if not dry:
            refuse(service)
        if not data and not version and not service.is_behind:
            return Result("up to date", service.version)
        if not dry:
            return update(service, data, wanted, updates, check=check)
        outcome = preview(service, data, wanted, updates)
        return Result("failed", outcome.problem) if outcome.problem else Result("previewed", "", outcome)

    services = dict[Path, Service]()
    for folder in dict.fromkeys(folders):
        try:
            service = services[folder] = find(folder)
            top = git(service.path, "rev-parse", "--show-toplevel")
            if top and top in tops and not dry:
                raise UserMessageError(
                    "another service in the same repository is being updated: run this one afterwards"
                )
            tops.add(top)
        except UserMessageError as error:
            services.pop(folder, None)
            results[folder] = Result("refused", str(error))
    with ThreadPoolExecutor(jobs) as pool, stopped_by_signals(updates):
        running = {pool.submit(guarded(one), service): folder for folder, service in services.items()}
        for done in as_completed(running):
            folder = running[done]
            results[folder] = done.result()
            if len(folders) > 1:
                say(f"[{len(results)}/{len(folders)}] {folder}: {results[folder].state}")
    tell(folders, services, results, dry=dry)
    return 0 if all(result.is_good or result.state == "previewed" for result in results.values()) else 1


def guarded(one: Callable[[Service], Result]) -> Callable[[Service], Result]:
    """Return a function that runs `one`, and turns a refusal into a result."""

    def run(service: Service) -> Result:
        try:
            return one(service)
        except UserMessageError as error:
            return Result("refused", str(error))

    return run


@contextmanager
def stopped_by_signals(updates: Updates) -> Iterator[None]:
    """Let SIGINT and SIGTERM stop the updates, which undo unfinished work."""

    def stop(*_: object) -> None:
        say("Stopping: unfinished updates are undone.")
        threading.Thread(target=updates.stop).start()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def tell(
    folders: Sequence[Path], services: Mapping[Path, Service], results: Mapping[Path, Result], *, dry: bool
) -> None:
    """Print the reports, and a table if there is more than one service."""
    for folder, result in results.items():
        if dry and result.state == "previewed":
            print("\n".join(lines(services[folder], result.outcome)))
        elif len(folders) == 1 and result.outcome.text:
            print("\n".join([*result.outcome.notes, result.outcome.summary]))
    rows = [
        (
            str(folder),
            version(services.get(folder), results[folder]),
            results[folder].state,
            results[folder].about,
        )
        for folder in dict.fromkeys(folders)
        if not (dry and results[folder].state == "previewed")
    ]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(3)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row[:3], widths, strict=True)]
        print("  ".join([*cells, row[3]]).rstrip())


def version(service: Service | None, result: Result) -> str:
    """Return the versions for a row of the table."""
    if not service:
        return ""
    new = result.outcome.report.get("to")
    return f"{released(service.version)} to {new}" if new else str(released(service.version))
