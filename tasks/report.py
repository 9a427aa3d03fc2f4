"""At the end of an update: say what it did, and what to do next.

copier runs this script in the user's project: `report.py ANSWERS_FILE COMMAND`, with the command that runs
the service's tests. The versions come from copier's variables:
https://copier.readthedocs.io/en/stable/configuring/#migrations
If SLIPWAY_REPORT names a file, the script also writes the report there as JSON, for the launcher.
"""

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import yaml
from packaging.version import Version

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from slipway.changelog import changes, options
from tasks.project import edited_file, listed, say

ROOT = Path(__file__).resolve().parent.parent
MIGRATION = re.compile(r"(^|/)migrations/(versions/)?(?!env\.py|__init__\.py)[^/]+\.py$")
CONFLICT = re.compile(r"(?ms)^<{7}[^\n]*\n(?P<mine>.*?)^={7}\n(?P<new>.*?)^>{7}")
COLUMNS = 90
PLACES = 5  # the most conflicts shown for a file, so that a rewritten text does not fill the screen


def gone(version: str, edited: list[str]) -> list[str]:
    """Return one line for all removed files without edits, and one for each removed file with edits."""
    files = listed("diff", "--name-only", "--relative", "--diff-filter=D", "HEAD")
    untouched = [name for name in files if name not in edited]
    why = f"{version} does not have it with your answers"
    lines = [f"Removed, because {why}: {', '.join(untouched)}."] if untouched else []
    return lines + [
        f"Removed, though you had edited it: {name}. `git restore {name}` restores it."
        for name in files
        if name in edited
    ]


def noted() -> list[str]:
    """Read, and then delete, the list of edited files that tasks/edited.py has written."""
    path = edited_file()
    edited: list[str] = json.loads(path.read_text("utf-8")) if path.exists() else []
    path.unlink(missing_ok=True)
    return edited


def meetings(name: str) -> list[str]:
    """Return three lines for each conflict in a file: the place, the user's side and the template's side."""
    try:
        text = Path(name).read_text("utf-8")
    except (OSError, ValueError):
        return []
    lines = []
    found = list(CONFLICT.finditer(text))
    for conflict in found[:PLACES]:
        number = text.count("\n", 0, conflict.start()) + 1
        lines += [
            f"  {name}:{number}",
            f"    yours:    {first(conflict['mine'])}",
            f"    template: {first(conflict['new'])}",
        ]
    return lines + [f"  {name}: {len(found) - PLACES} more"] * (len(found) > PLACES)


def first(side: str) -> str:
    """Return the first line with text on one side of a conflict, and the number of further lines."""
    lines = [line.strip() for line in side.splitlines() if line.strip()]
    if not lines:
        return "(nothing)"
    line = lines[0] if len(lines[0]) <= COLUMNS else f"{lines[0][:COLUMNS]}…"
    return f"{line}  (and {len(lines) - 1} more)" if len(lines) > 1 else line


def found(answers_file: str) -> dict[str, Any]:
    """Return what the update did to each file."""
    edited = noted()
    old, new = (os.environ[f"VERSION_{which}"] for which in ("FROM", "TO"))
    since, until = (Version(os.environ[f"VERSION_PEP440_{which}"]) for which in ("FROM", "TO"))
    answers = yaml.safe_load(Path(answers_file).read_text("utf-8"))
    questions = yaml.safe_load((ROOT / "copier.yml").read_text("utf-8"))
    came = listed("ls-files", "--others", "--exclude-standard")
    conflicts = listed("diff", "--name-only", "--relative", "--diff-filter=U")
    changed = listed("diff", "--name-only", "--relative", "--diff-filter=M", "HEAD")
    settled = [name for name in changed if name not in conflicts]
    return {
        "from": old,
        "to": new,
        "changes": changes(
            (ROOT / "CHANGELOG.md").read_text("utf-8"), since, until, options(questions), answers
        ),
        "gone": gone(new, edited),
        "new": [name for name in came if not name.endswith(".rej")],
        "clean": [name for name in settled if name not in edited],
        "merged": [name for name in settled if name in edited],
        "conflicts": conflicts + [name for name in came if name.endswith(".rej")],
        "meetings": [line for name in conflicts for line in meetings(name)],
        "migrations": [name for name in came if MIGRATION.search(name)],
    }


def main(answers_file: str, tests: str) -> None:
    """Print the report."""
    report = found(answers_file)
    if path := os.environ.get("SLIPWAY_REPORT"):
        Path(path).write_text(json.dumps(report), "utf-8")
    old, new = report["from"], report["to"]
    say(f"\nUpdated from {old} to {new}." if old != new else f"\nUpdated; the version stays {new}.")
    for section in report["changes"]:
        say(f"\n{section}")
    say("")
    for line in report["gone"]:
        say(line)
    if report["migrations"]:
        say(f"New migrations, which `release` will run: {', '.join(report['migrations'])}.")
    if report["conflicts"]:
        say(f"Conflicts, where your lines and the template's meet: {', '.join(report['conflicts'])}.")
        for line in report["meetings"]:
            say(line)
        say("Edit each file, `git add` it, and find any marker that is left with `git diff --check`.")
    say(f"Next: read `git status` and `git diff`, run `{tests}`, and commit.")


if __name__ == "__main__":
    main(*sys.argv[1:])
