"""How long the emitted package is, for each combination that can boot differently: `nox -s size`.

Lines are counted without the blank ones, comments and docstrings included, migrations left out. `yours`
is what the user owns; `runtime` is what `copier update` keeps current. docs/size.md has the table.
"""

import tempfile
from pathlib import Path

from tests.support import variants
from tests.support.project import Project, render
from tests.support.template import ROOT, snapshot

HEAD = """# The size of the emitted package

Non-blank lines, comments and docstrings included, without migrations; `uvx nox -s size` writes this table.

| Framework | Database | Queue | Clock | yours | `runtime/` |
| --- | --- | --- | --- | --- | --- |
"""


def measure(package: Path) -> tuple[int, int]:
    """Return the lines that are the user's, and those of `runtime/`."""
    counts = [0, 0]
    for path in package.rglob("*.py"):
        if "migrations" not in path.parts:
            text = path.read_text("utf-8")
            counts["runtime" in path.parts] += sum(bool(line.strip()) for line in text.splitlines())
    return counts[0], counts[1]


def main() -> None:
    """Render every combination, and write the table."""
    rows = ""
    with tempfile.TemporaryDirectory() as folder:
        template = Path(folder, "template")
        snapshot(template)
        for number, answers in enumerate(variants.with_clocks()):
            project = Path(folder, str(number))
            render(template, project, answers, skip_tasks=True)
            yours, runtime = measure(Project(project).package)
            names = (answers["framework"], answers["database"], answers["queue"])
            cells = (*names, "yes" if answers["clock"] else "", str(yours), str(runtime))
            rows += f"| {' | '.join(cells)} |\n"
    (ROOT / "docs" / "size.md").write_text(HEAD + rows, "utf-8")
    print(HEAD + rows)


if __name__ == "__main__":
    main()
