"""requirements.txt as text: raise pins in place, and leave everything else as the user has it."""

import re
from collections.abc import Iterable

from packaging.utils import canonicalize_name
from packaging.version import Version

# A pin with the lines that its backslashes continue onto: hashes.
ENTRY = re.compile(
    r"^(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]\n]*\])?[ ]*==[ ]*(?P<version>[^\s;\\]+)"
    r"(?:[^\n]*\\\n)*[^\n]*$",
    re.MULTILINE,
)


def entries(text: str) -> dict[str, list[tuple[str, Version]]]:
    """Per name its pins: the text of each, and the version."""
    found: dict[str, list[tuple[str, Version]]] = {}
    for match in ENTRY.finditer(text):
        pin = (match[0], Version(match["version"]))
        found.setdefault(canonicalize_name(match["name"]), []).append(pin)
    return found


def raised(text: str, pins: Iterable[str], wanted: Iterable[str], base: str = "") -> str:
    """The text with each pin raised, and with the wanted ones that it lacks.

    `base` is the file which this one includes with `-r`. What that pins is not added here, and
    what both pin is the same in both, because pip refuses a name with two versions.
    """
    newest = entries("\n".join(pins))
    included = entries(base)

    def replacement(match: re.Match[str]) -> str:
        name = canonicalize_name(match["name"])
        if name in included and len(included[name]) == 1:
            return included[name][0][0]
        if len(newest.get(name, [])) != 1:
            return match[0]  # the user's own, or pinned by environment
        pin, version = newest[name][0]
        return pin if Version(match["version"]) < version else match[0]

    result = ENTRY.sub(replacement, text)
    present = entries(result).keys() | included.keys()
    missing = [
        pin for name, found in entries("\n".join(wanted)).items() if name not in present for pin, _ in found
    ]
    return "\n".join([result.rstrip("\n"), *missing]) + "\n"
