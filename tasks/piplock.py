"""Raise the two files that pip installs from to the pins, and let uv make them fit the manifest.

pip has no lock for all platforms, but `uv pip compile` makes one. This module writes the versions that
uv chooses into the existing files: the user's comments, options and other pins stay.
"""

import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from packaging.version import Version

from extensions import pins
from tasks import requirements, uv, uvlock
from tasks.project import before, replace, say

RUN, DEV = Path("requirements.txt"), Path("requirements-dev.txt")
COMPILE = ("pip", "compile", "--quiet", "--universal", "--generate-hashes", "--no-header", "--no-annotate")


def pin(groups: list[str]) -> None:
    """Raise both files to the pins. If nothing changes, this needs neither uv nor the network."""
    manifest = tomllib.loads(Path("pyproject.toml").read_text("utf-8"))
    direct = list(manifest["project"].get("dependencies", []))
    dev_group = [
        each for each in manifest.get("dependency-groups", {}).get("dev", []) if isinstance(each, str)
    ]
    allowed = requirements.caps([*direct, *dev_group])
    closure = pins.closure([*groups, *pins.development(groups)])
    newest = list(pins.requirements(closure))

    old_run, old_dev = run, dev = RUN.read_text("utf-8"), DEV.read_text("utf-8")
    includes = bool(requirements.INCLUDES.search(dev))
    run = requirements.raised(run, newest, allowed)
    dev = requirements.raised(dev, newest, allowed, run if includes else "")
    dev = requirements.never_built(dev, only_binary(manifest))
    if (run, dev) == (old_run, old_dev) and not lacking(run, dev, direct, dev_group):
        return
    known = {name: next(iter(versions)) for name, versions in closure.items() if len(versions) == 1}
    known |= versions(run, dev)
    known |= newer(dict(uvlock.versions(before("uv.lock") or "version = 1")), known)
    chosen, problem = resolved(known, newest, bool(dev_group))
    if problem:
        chosen = pinned(groups, allowed)
    else:
        run = requirements.fitted(run, chosen[0])
        dev = requirements.fitted(dev, chosen[1], run if includes else "")
    run = requirements.completed(run, chosen[0])
    dev = requirements.completed(dev, chosen[1], run if includes else "")
    for path, text, old in ((RUN, run, old_run), (DEV, dev, old_dev)):
        if text != old:
            replace(path, text)
    if raised := changed(old_run + old_dev, run + dev):
        say(f"Raised in the requirements: {', '.join(raised)}.")
    if names := ", ".join(lacking(run, dev, direct, dev_group)):
        say(
            f"The requirements lack {names}, or pin a version that pyproject.toml does not allow ({problem}):"
            " see README.md."
        )


def only_binary(manifest: Mapping[str, Any]) -> list[str]:
    """Return the names that the manifest forbids uv to build, if it wants pip to know them too."""
    settings = manifest.get("tool", {}).get("uv", {}).get("pip", {})
    return list(settings.get("only-binary", [])) if settings.get("emit-build-options") else []


def lacking(run: str, dev: str, direct: list[str], dev_group: list[str]) -> list[str]:
    """Return the names that the manifest requires but the files do not pin to a version that it allows."""
    both = run + dev if requirements.INCLUDES.search(dev) else dev
    return sorted({*requirements.lacking(run, direct), *requirements.lacking(both, dev_group)})


def versions(*texts: str) -> dict[str, str]:
    """Return the version that the files pin for each name, if it is the same for all environments."""
    found: dict[str, str] = {}
    for text in texts:
        for name, entries in requirements.entries(text).items():
            if len(entries) == 1:
                found[name] = str(entries[0][1])
    return found


def newer(some: Mapping[str, str], others: Mapping[str, str]) -> dict[str, str]:
    """Return those of `some` versions that `others` lack or have in an older version."""
    return {
        name: version
        for name, version in some.items()
        if name not in others or Version(version) > Version(others[name])
    }


def changed(old: str, new: str) -> list[str]:
    """Return the names whose pins differ, without new names."""
    was, now = versions(old), versions(new)
    return sorted(name for name in was.keys() & now.keys() if was[name] != now[name])


def pinned(groups: list[str], wanted: Mapping[str, object]) -> tuple[list[str], list[str]]:
    """Return the template's pins for both files, without the packages that the user's manifest dropped."""
    dropped = requirements.caps(pins.direct([*groups, *pins.development(groups)])).keys() - wanted.keys()
    run, more = (
        [entry for entry in entries if not requirements.entries(entry).keys() & dropped]
        for entries in pins.requirement_files(groups).values()
    )
    return run, [*run, *more]


def resolved(
    known: Mapping[str, str], newest: list[str], develops: bool
) -> tuple[tuple[list[str], list[str]], str]:
    """Return the entries that uv chooses for each file, and its error, if any. It prefers known versions.

    uv first uses its cache only. That result counts only if all of its versions are known ones.
    """
    problem = ""
    groups = [(), ("--group", "dev") if develops else ()]
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder, RUN.name)
        for offline in (("--offline",), ()):
            preferred, results = dict(known), []
            for group in groups:
                output.write_text("".join(f"{name}=={version}\n" for name, version in preferred.items()))
                arguments = (*COMPILE, *offline, *group, "--output-file", str(output), "pyproject.toml")
                if problem := uv.run(*arguments, oldest_python=pins.REQUIRES_PYTHON):
                    break
                text = output.read_text("utf-8")
                if offline and not versions(text).items() <= known.items():
                    break
                preferred |= versions(text)
                results.append(as_pinned(text, newest))
            if len(results) == len(groups):
                return (results[0], results[1]), ""
    return ([], []), problem


def as_pinned(text: str, newest: list[str]) -> list[str]:
    """Return the entries of a resolution. An entry at a template's pin is written as the template has it."""
    own = {
        (name, pin[1]): pin[0]
        for name, pins in requirements.entries("\n".join(newest)).items()
        for pin in pins
    }
    found = requirements.entries(text)
    return [own.get((name, version), entry) for name, each in found.items() for entry, version in each]
