"""After an update: what the kept migrations import stays among the dependencies.

copier runs it in the user's project: `imports.py FOLDER...`, the folders of the migrations. A queue
that is turned off takes its package from pyproject.toml, and `release` imports every migration.
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
    """Per package that one imports the requirement of this template for it, with the fewest extras."""
    direct = sorted({name for group in pins.PINS["groups"] for name in pins.direct([group])}, key=len)
    found: dict[str, str] = {}
    for requirement in direct:
        found.setdefault(Requirement(requirement).name.replace("-", "_"), requirement)
    return found


def named(manifest: str) -> list[str]:
    """The names of the service's dependencies, as packaging writes them."""
    wanted = tomllib.loads(manifest).get("project", {}).get("dependencies", [])
    return [canonicalize_name(Requirement(each).name) for each in wanted]


def completed(manifest: str, wanted: dict[str, str]) -> str:
    """The manifest with these requirements, by their names, among the user's own dependencies.

    One that was added so earlier is left out if the template names it again.
    """
    head, marker, tail = manifest.partition(MARKER)
    if not marker:
        head, marker, tail = re.split(r"(?m)^(dependencies = \[\n)", manifest, maxsplit=1)
    present = named(manifest)
    for name, requirement in sorted(wanted.items(), reverse=True):
        line = f'  "{requirement}",\n'
        if name not in present:
            tail = line + tail
        elif present.count(name) > 1:
            bare = f'  "{requirement.partition("<")[0]}",\n'  # as releases before 1.1 added it
            tail = tail.replace(line if line in tail else bare, "", 1)
    return head + marker + tail


def main(*folders: str) -> None:
    """Write what is missing into the manifest, and say so."""
    known = distributions()
    importers: dict[str, str] = {}
    for path in listed("ls-files", "--cached", "--others", "--exclude-standard", "--", *folders):
        if path.endswith(".py") and Path(path).exists():
            try:
                modules = imported(Path(path).read_bytes())
            except SyntaxError:
                continue  # tasks/history.py has said so
            importers |= dict.fromkeys(modules & known.keys(), path)
    names = {module: str(canonicalize_name(Requirement(known[module]).name)) for module in importers}
    wanted = {name: known[module] for module, name in names.items()}
    try:
        before = MANIFEST.read_text("utf-8")
        missing = wanted.keys() - set(named(before))
        after = completed(before, wanted)
        tomllib.loads(after)
    except (OSError, ValueError) as error:
        say(f"pyproject.toml was left as it is: {error}. It has to name {', '.join(sorted(wanted))}.")
        return
    if after != before:
        replace(MANIFEST, after)
    for module, path in sorted(importers.items()):
        if names[module] in missing:
            say(f"{module} stays in pyproject.toml, because {path} imports it.")


if __name__ == "__main__":
    main(*sys.argv[1:])
