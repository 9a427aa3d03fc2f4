"""`nox -s size`: count the lines of the generated package, for each combination that can boot differently.

Blank lines and migrations do not count; comments and docstrings do. `yours` counts the user's files, and
`runtime` counts the files that `copier update` keeps current. The table is in docs/size.md.
"""

import tempfile
from pathlib import Path

from tests.support import variants
from tests.support.project import Project, render
from tests.support.template import ROOT, snapshot

HEAD = """# The size of the generated package

This table counts non-blank lines, including comments and docstrings, without migrations.
`uvx nox -s size` writes it.

| Framework | Database | Queue | Clock | yours | `runtime/` |
| --- | --- | --- | --- | --- | --- |
"""


def measure(package: Path) -> tuple[int, int]:
    """Return the number of the user's lines, and the number of lines in `runtime/`."""
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
