"""After an update: keep the packages that the remaining migrations import among the dependencies.

copier runs this script in the user's project: `imports.py FOLDER...`, with the folders of the
migrations. If an update turns a queue off, it removes the queue's package from pyproject.toml, but
`release` still imports every migration.
"""

import re
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from extensions import pins
from tasks.project import listed, replace, say
from tasks.revisions import imported

MANIFEST = Path("pyproject.toml")
MARKER = "  # Your own dependencies go below this line.\n"


def distributions() -> dict[str, str]:
    """Return the template's requirement with the fewest extras for each package that code can import."""
    direct = sorted({name for group in pins.PINS["groups"] for name in pins.direct([group])}, key=len)
    found: dict[str, str] = {}
    for requirement in direct:
        found.setdefault(Requirement(requirement).name.replace("-", "_"), requirement)
    return found


def named(manifest: str) -> list[str]:
    """Return the names of the service's dependencies, normalized by `packaging`."""
    wanted = tomllib.loads(manifest).get("project", {}).get("dependencies", [])
    return [canonicalize_name(Requirement(each).name) for each in wanted]


def completed(manifest: str, wanted: dict[str, str]) -> str:
    """Return the manifest with these requirements (by name) among the user's own dependencies.

    If an earlier update added a requirement and the template names it again, remove the added line.
    """
    head, marker, tail = manifest.partition(MARKER)
    present = named(manifest)
    if not marker and wanted.keys() <= set(present):
        return manifest
    if not marker:
        head, *rest = re.split(r"(?m)^(dependencies = \[\n)", manifest, maxsplit=1)
        if not rest:
            raise ValueError("its dependencies are not one per line")
        marker, tail = rest
    for name, requirement in sorted(wanted.items(), reverse=True):
        line = f'  "{requirement}",\n'
        if name not in present:
            tail = line + tail
        elif present.count(name) > 1:
            bare = f'  "{requirement.partition("<")[0]}",\n'  # the form in which releases before 1.1 added it
            tail = tail.replace(line if line in tail else bare, "", 1)
    return head + marker + tail


def main(*folders: str) -> None:
    """Add the missing requirements to the manifest, and tell the user."""
    known = distributions()
    importers: dict[str, str] = {}
    for path in listed("ls-files", "--cached", "--others", "--exclude-standard", "--", *folders):
        if path.endswith(".py") and Path(path).exists():
            try:
                modules = imported(Path(path).read_bytes())
            except SyntaxError:
                continue  # tasks/history.py has told the user
            importers |= dict.fromkeys(modules & known.keys(), path)
    names = {module: str(canonicalize_name(Requirement(known[module]).name)) for module in importers}
    wanted = {name: known[module] for module, name in names.items()}
    try:
        before = MANIFEST.read_text("utf-8")
        missing = wanted.keys() - set(named(before))
        after = completed(before, wanted)
        tomllib.loads(after)
    except (OSError, ValueError) as error:
        say(f"pyproject.toml was left as it is: {error}. It must list {', '.join(sorted(wanted))}.")
        return
    if after != before:
        replace(MANIFEST, after)
    for module, path in sorted(importers.items()):
        if names[module] in missing:
            say(f"{module} stays in pyproject.toml, because {path} imports it.")


if __name__ == "__main__":
    main(*sys.argv[1:])
