"""Edit requirements.txt as text: raise pins in place, and keep everything else as the user wrote it."""

import re
from collections.abc import Callable, Iterable, Mapping

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

# A pin with its continuation lines, which hold the hashes.
ENTRY = re.compile(
    r"^(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]\n]*\])?[ ]*==[ ]*(?P<version>[^\s;\\]+)"
    r"(?:[^\n]*\\\n)*[^\n]*$",
    re.MULTILINE,
)
# Anything that is installed by name: a pin, a range or a URL.
NAME = re.compile(
    r"^(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)[ ]*(?:\[[^\]\n]*\])?[ ]*(?=[=<>!~;@]|$)", re.MULTILINE
)
INCLUDES = re.compile(r"^(-r|--requirement)[ =]*(\./)?requirements\.txt\s*$", re.MULTILINE)

type Pin = tuple[str, Version]  # an entry's text and version


def entries(text: str) -> dict[str, list[Pin]]:
    """Return the pins of each name."""
    found: dict[str, list[Pin]] = {}
    for match in ENTRY.finditer(text):
        pin = (match[0], Version(match["version"]))
        found.setdefault(canonicalize_name(match["name"]), []).append(pin)
    return found


def caps(wanted: Iterable[str]) -> dict[str, SpecifierSet]:
    """Return the versions that a manifest's requirements allow for each name."""
    found: dict[str, SpecifierSet] = {}
    for requirement in map(Requirement, wanted):
        name = canonicalize_name(requirement.name)
        found[name] = found.get(name, SpecifierSet()) & requirement.specifier
    return found


def lacking(text: str, wanted: Iterable[str]) -> list[str]:
    """Return the required names that a file does not list, or pins to a version that is not allowed."""
    pinned = entries(text)
    named = {canonicalize_name(match["name"]) for match in NAME.finditer(text)}
    here = [each for each in wanted if not (marker := Requirement(each).marker) or marker.evaluate()]
    return [
        name
        for name, allowed in caps(here).items()
        if name not in named
        or not all(allowed.contains(version, prereleases=True) for _, version in pinned.get(name, []))
    ]


def never_built(text: str, names: Iterable[str]) -> str:
    """Return the text with pip's options that forbid it to build these packages."""
    for name in names:
        option = f"--only-binary {name}"
        if not re.search(rf"^{re.escape(option)}(?!\S)", text, re.MULTILINE):
            first = entry.start() if (entry := NAME.search(text)) else len(text)
            text = f"{text[:first]}{option}\n{text[first:]}"
    return text


def raised(text: str, pins: Iterable[str], allowed: Mapping[str, SpecifierSet] = {}, base: str = "") -> str:
    """Return the text with each pin raised, unless the manifest forbids the newer version.

    `base` is the text of the file that this one includes with `-r`. A package that both pin gets the same
    version in both, because pip refuses a name with two versions.
    """
    newest = entries("\n".join(pins))

    def choice(name: str, version: Version) -> str | None:
        if len(newest.get(name, [])) != 1:
            return None  # the user's own package, or one with several versions for several environments
        pin, newer = newest[name][0]
        fits = name not in allowed or allowed[name].contains(newer, prereleases=True)
        return pin if version < newer and fits else None

    return _replaced(text, choice, base)


def fitted(text: str, resolved: Iterable[str], base: str = "") -> str:
    """Return the text with each pin at the version that the resolver chose."""
    chosen = entries("\n".join(resolved))

    def choice(name: str, version: Version) -> str | None:
        found = chosen.get(name, [])
        return found[0][0] if len(found) == 1 and found[0][1] != version else None

    return _replaced(text, choice, base)


def completed(text: str, wanted: Iterable[str], base: str = "") -> str:
    """Return the text with the wanted pins that neither it nor `base` has yet."""
    present = entries(text).keys() | entries(base).keys()
    missing = [pin for pin in wanted if not entries(pin).keys() <= present]
    return "\n".join([text.rstrip("\n"), *missing]) + "\n"


def _replaced(text: str, choice: Callable[[str, Version], str | None], base: str) -> str:
    """Return the text, and replace each entry for which `base` or `choice` gives another one."""
    included = entries(base)

    def replacement(match: re.Match[str]) -> str:
        name = canonicalize_name(match["name"])
        if len(included.get(name, [])) == 1:
            return included[name][0][0]
        return choice(name, Version(match["version"])) or match[0]

    return ENTRY.sub(replacement, text)
