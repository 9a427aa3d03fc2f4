"""`python -m tests.imports`: draw in docs/imports.md how the modules of a service import each other."""

import ast
import tempfile
from pathlib import Path

from tests.support.project import Project, render
from tests.support.template import ROOT, snapshot

ANSWERS = {"framework": "fastapi", "database": "postgres", "queue": "dramatiq", "clock": True}
PICTURE = ROOT / "docs" / "imports.md"
HEAD = """# The imports of a service

This is how the modules of a service import each other, for FastAPI with Postgres, dramatiq and a clock.
`python -m tests.imports` draws it. The user's modules are above those of `runtime/`, which `copier update`
keeps current. No module of `runtime/` imports one of the user's.

```mermaid
flowchart TD
"""


def imports(package: Path) -> set[tuple[str, str]]:
    """Return each import inside the package, as the names of the importing and the imported module."""
    modules = {
        ".".join(path.relative_to(package).with_suffix("").parts).removesuffix(".__init__"): path
        for path in package.rglob("*.py")
        if "versions" not in path.parts
    }
    found = set()
    for name, path in modules.items():
        home = name if path.name == "__init__.py" else name.rpartition(".")[0]
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.level:
                parts = home.split(".") if home else []
                base = [*parts[: len(parts) + 1 - node.level], *filter(None, [node.module])]
                for alias in node.names:
                    target = ".".join([*base, alias.name])
                    found.add((name, target if target in modules else ".".join(base)))
    return {(name, target) for name, target in found if target in modules and target != "__init__"}


def draw(package: Path) -> str:
    """Return the diagram as Markdown."""
    arrows = imports(package)
    names = {name for arrow in arrows for name in arrow}
    lines = []
    for title, below in (("yours", False), ("runtime", True)):
        members = sorted(name for name in names if name.startswith("runtime.") == below)
        lines.append(f"  subgraph {title}")
        lines += [f'    {_id(name)}["{name.removeprefix("runtime.")}"]' for name in members]
        lines.append("  end")
    lines += [f"  {_id(name)} --> {_id(target)}" for name, target in sorted(arrows)]
    return HEAD + "\n".join(lines) + "\n```\n"


def _id(name: str) -> str:
    return name.replace(".", "_").strip("_")


def main() -> None:
    """Render the service, and write the diagram."""
    with tempfile.TemporaryDirectory() as folder:
        template, project = Path(folder, "template"), Path(folder, "project")
        snapshot(template)
        render(template, project, ANSWERS, skip_tasks=True)
        PICTURE.write_text(draw(Project(project).package), "utf-8")


if __name__ == "__main__":
    main()
