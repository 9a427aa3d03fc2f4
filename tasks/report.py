"""At the end of an update: say what it did, and what to do next.

copier runs it in the user's project: `report.py TESTS`, the command that runs the service's tests. The
versions come from copier's variables: https://copier.readthedocs.io/en/stable/configuring/#migrations
"""

import json
import os
import re
import sys
from pathlib import Path

from packaging.version import Version

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from tasks.project import edited_file, listed, say

CHANGELOG = Path(__file__).resolve().parent.parent / "CHANGELOG.md"
MIGRATION = re.compile(r"(^|/)migrations/(versions/)?(?!env\.py|__init__\.py)[^/]+\.py$")


def changes(changelog: str, old: Version, new: Version) -> list[str]:
    """The sections of a changelog after one version and up to another, newest first."""
    if old.base_version == "0.0.0":  # of a template without tags, which knows no versions
        return []
    sections = re.split(r"(?m)^## ", changelog)[1:]
    named = [(re.match(r"\d+\.\d+\.\d+", section), section) for section in sections]
    return [section.strip() for name, section in named if name and old < Version(name[0]) <= new]


def gone(version: str) -> list[str]:
    """A line for the files that are no longer there, and one for each of them that was edited."""
    files = listed("diff", "--name-only", "--relative", "--diff-filter=D", "HEAD")
    noted = edited_file()
    edited = json.loads(noted.read_text("utf-8")) if noted.exists() else []
    noted.unlink(missing_ok=True)
    untouched = [name for name in files if name not in edited]
    why = f"{version} does not have it with your answers"
    lines = [f"Gone, because {why}: {', '.join(untouched)}."] if untouched else []
    return lines + [
        f"Gone, though you had edited it: {name}. `git restore {name}` brings it back."
        for name in files
        if name in edited
    ]


def main(tests: str) -> None:
    """Print the report."""
    old, new = (os.environ[f"VERSION_{which}"] for which in ("FROM", "TO"))
    parsed = (Version(os.environ[f"VERSION_PEP440_{which}"]) for which in ("FROM", "TO"))
    say(f"\nUpdated from {old} to {new}." if old != new else f"\nUpdated; the version stays {new}.")
    for section in changes(CHANGELOG.read_text("utf-8"), *parsed):
        say(f"\n{section}")
    say("")
    for line in gone(new):
        say(line)
    new_files = listed("ls-files", "--others", "--exclude-standard")
    if migrations := [name for name in new_files if MIGRATION.search(name)]:
        say(f"New migrations, which `release` will run: {', '.join(migrations)}.")
    conflicts = listed("diff", "--name-only", "--relative", "--diff-filter=U")
    rejected = [name for name in new_files if name.endswith(".rej")]
    if conflicts or rejected:
        say(f"Conflicts, where your lines and the template's meet: {', '.join([*conflicts, *rejected])}.")
        say("Choose in each, `git add` it, and find any marker that is left with `git diff --check`.")
    say(f"Next: read `git status` and `git diff`, run `{tests}`, and commit.")


if __name__ == "__main__":
    main(*sys.argv[1:])
