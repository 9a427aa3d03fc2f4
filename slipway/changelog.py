"""The parts of the template's changelog that concern one service. tasks/report.py uses it too."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from packaging.version import Version

ENTRY = re.compile(r"(?m)^- (?:.+(?:\n  .+)*)\n?")
# `Django: …`, `dramatiq and celery: …`: an entry that concerns only these options.
LEAD = re.compile(r"- ([\w. ,-]{1,40}): ")


def options(questions: Mapping[str, Any]) -> frozenset[str]:
    """Return every value that a question of copier.yml offers, in lower case."""
    found: set[str] = set()
    for name, details in questions.items():
        listed = details.get("choices", []) if not name.startswith("_") and isinstance(details, dict) else []
        values = listed.values() if isinstance(listed, dict) else listed
        found |= {str(value["value"] if isinstance(value, dict) else value).lower() for value in values}
    return frozenset(found - {"none"})


def concerns(entry: str, offered: frozenset[str], answers: Mapping[str, Any]) -> bool:
    """Tell whether an entry concerns a service with these answers."""
    lead = LEAD.match(entry)
    named = set(re.split(r",? and |, ", lead[1].lower())) if lead else set()
    if not named or not named <= offered:
        return True
    chosen = {str(each).lower() for answer in answers.values() for each in as_list(answer)}
    return bool(named & chosen)


def as_list(answer: Any) -> list[Any]:
    """Return an answer's values."""
    return answer if isinstance(answer, list) else [answer]


def changes(
    changelog: str, old: Version, new: Version, offered: Iterable[str] = (), answers: Mapping[str, Any] = {}
) -> list[str]:
    """Return the sections after one version and up to another, newest first.

    Leave out the entries that concern only options which the service does not have.
    """
    if old.base_version == "0.0.0":  # a template without tags has no versions
        return []
    sections = re.split(r"(?m)^## ", changelog)[1:]
    named = [(re.match(r"\d+\.\d+\.\d+", section), section) for section in sections]
    wanted = [section.strip() for name, section in named if name and old < Version(name[0]) <= new]
    known = frozenset(offered)

    def kept(entry: re.Match[str]) -> str:
        return entry[0] if concerns(entry[0], known, answers) else ""

    return [ENTRY.sub(kept, section + "\n").strip() for section in wanted]
