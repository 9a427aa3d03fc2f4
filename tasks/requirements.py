"""requirements.txt as text: raise pins in place, and leave everything else as the user has it."""

import re
from collections.abc import Callable, Iterable, Mapping

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

# A pin with the lines that its backslashes continue onto: hashes.
ENTRY = re.compile(
    r"^(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]\n]*\])?[ ]*==[ ]*(?P<version>[^\s;\\]+)"
    r"(?:[^\n]*\\\n)*[^\n]*$",
    re.MULTILINE,
)
# Whatever is installed by name: a pin, a range, or an address.
NAME = re.compile(
    r"^(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)[ ]*(?:\[[^\]\n]*\])?[ ]*(?=[=<>!~;@]|$)", re.MULTILINE
)
INCLUDES = re.compile(r"^(-r|--requirement)[ =]*(\./)?requirements\.txt\s*$", re.MULTILINE)

type Pin = tuple[str, Version]  # the text of an entry, and its version


def entries(text: str) -> dict[str, list[Pin]]:
    """Per name its pins."""
    found: dict[str, list[Pin]] = {}
    for match in ENTRY.finditer(text):
        pin = (match[0], Version(match["version"]))
        found.setdefault(canonicalize_name(match["name"]), []).append(pin)
    return found


def caps(wanted: Iterable[str]) -> dict[str, SpecifierSet]:
    """Per name the versions that requirements of a manifest allow."""
    found: dict[str, SpecifierSet] = {}
    for requirement in map(Requirement, wanted):
        name = canonicalize_name(requirement.name)
        found[name] = found.get(name, SpecifierSet()) & requirement.specifier
    return found


def lacking(text: str, wanted: Iterable[str]) -> list[str]:
    """The names of requirements of a manifest that a file does not pin, or to a version they forbid."""
    pinned = entries(text)
    named = {canonicalize_name(match["name"]) for match in NAME.finditer(text)}
    here = [each for each in wanted if not (marker := Requirement(each).marker) or marker.evaluate()]
    return [
        name
        for name, allowed in caps(here).items()
        if name not in named
        or not all(allowed.contains(version, prereleases=True) for _, version in pinned.get(name, []))
    ]


def raised(text: str, pins: Iterable[str], allowed: Mapping[str, SpecifierSet] = {}, base: str = "") -> str:
    """The text with each pin raised, but to no version that the manifest forbids.

    `base` is the file which this one includes with `-r`: what both pin is the same in both, because
    pip refuses a name with two versions.
    """
    newest = entries("\n".join(pins))

    def choice(name: str, version: Version) -> str | None:
        if len(newest.get(name, [])) != 1:
            return None  # the user's own, or pinned by environment
        pin, newer = newest[name][0]
        fits = name not in allowed or allowed[name].contains(newer, prereleases=True)
        return pin if version < newer and fits else None

    return _replaced(text, choice, base)


def fitted(text: str, resolved: Iterable[str], base: str = "") -> str:
    """The text with each pin at the version that a resolver chose."""
    chosen = entries("\n".join(resolved))

    def choice(name: str, version: Version) -> str | None:
        found = chosen.get(name, [])
        return found[0][0] if len(found) == 1 and found[0][1] != version else None

    return _replaced(text, choice, base)


def completed(text: str, wanted: Iterable[str], base: str = "") -> str:
    """The text with the pins that neither it nor `base` has."""
    present = entries(text).keys() | entries(base).keys()
    missing = [pin for pin in wanted if not entries(pin).keys() <= present]
    return "\n".join([text.rstrip("\n"), *missing]) + "\n"


def _replaced(text: str, choice: Callable[[str, Version], str | None], base: str) -> str:
    """The text with another entry in the place of each for which there is a choice."""
    included = entries(base)

    def replacement(match: re.Match[str]) -> str:
        name = canonicalize_name(match["name"])
        if len(included.get(name, [])) == 1:
            return included[name][0][0]
        return choice(name, Version(match["version"])) or match[0]

    return ENTRY.sub(replacement, text)
