"""Migrate a service's own code to 1.0.0, which separated the user's code from `runtime/`.

Before the update, `before` avoids conflicts with the template's new lines: it takes the user's own
processes out of `__main__.py`, and moves the user's own rows in README.md's table of settings. After the
update, `after` puts the processes into the new `__main__.py`, and replaces older names in the user's code
by the names of 1.0.0. For each line that it cannot change, it prints one sentence.

Run this in the project's folder: `to_1_0.py before|after ANSWERS_FILE`.
"""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

STASH = Path(".slipway-1.0.json")
OURS = {"web", "worker", "clock", "release", "migrate", "check", "shell", "main"}
ROWS = re.compile(
    r"(?P<head>\| --- \| --- \| --- \|\n)"
    r"(?P<ours>(?:\|.*\n)*?\| `HEROKU_BUILD_COMMIT` .*\n)"
    r"(?P<own>(?:\|.*\n)+)"
)
NAME = r"""["']([\w-]+)["']"""  # in the table of processes
POSTGRES = "Services.current().postgres"
# What had another name before 1.0.0: each pattern, its replacement, and the import that this needs.
RENAMED = (
    (
        r"\bqueue\.(?:sessions\.begin|database\.transaction)\(\)",
        "transaction()",
        "from .db import transaction",
    ),
    (r"\brequest\.app\.state\.database\b", POSTGRES, "from .services import Services"),
    (r"\bstate\.database\b", POSTGRES, "from .services import Services"),
    (r"\bcurrent_app\.extensions\[\"database\"\]", POSTGRES, "from .services import Services"),
    (r"\bcontext\.additional_context\[\"database\"\]", POSTGRES, "from .services import Services"),
    (r"\bsync_engine\(settings\)", f"{POSTGRES}.unpooled_engine()", "from .services import Services"),
    (r"(from [\w.]*\.runtime\.postgres import )Database\b", r"\1Postgres", ""),
    (r"(from [\w.]*\.runtime\.)queue import", r"\1jobs_queue import", ""),
    (r"(from [\w.]*\.runtime\.)redis import", r"\1redis_client import", ""),
    (r"(from [\w.]*\.runtime import )queue\b", r"\1jobs_queue", ""),
)
QUEUE = re.compile(r"\bqueue\.(?=(?:app|broker|transport|connect|encode|put|mark)\b)")
GONE = re.compile(
    r"runtime(?:\.| import )(?:requests|health|check|threads|proxies)\b|\bsync_connector\b|\bsync_engine\b"
)


def before(package: str) -> None:
    """Take out what would conflict, and keep it for `after`."""
    readme, main = Path("README.md"), Path(package, "__main__.py")
    if readme.exists():
        text = readme.read_text("utf-8")
        write(readme, ROWS.sub(r"\g<head>\g<own>\g<ours>", text))
        stage_for_copier(readme)
    if main.exists() and (own := own_processes(main.read_text("utf-8"))):
        text, processes = own
        STASH.write_text(json.dumps(processes), "utf-8")
        write(main, text)
        stage_for_copier(main)


def stage_for_copier(path: Path) -> None:
    """Add a file to the index. copier uses the index as the user's version."""
    subprocess.run(["git", "add", "--", str(path)], check=True)  # noqa: S603, S607


def own_processes(text: str) -> tuple[str, dict[str, str]] | None:
    """Return `__main__.py` without the user's processes, and the code of each; None if there are none."""
    try:
        module = ast.parse(text)
    except SyntaxError:
        return None
    lines = text.splitlines(keepends=True)
    processes, cut = {}, set()
    for node in module.body:
        if isinstance(node, ast.FunctionDef) and node.name not in OURS and not node.name.startswith("_"):
            first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
            processes[node.name] = "".join(lines[first - 1 : node.end_lineno])
            cut |= set(range(first - 1, node.end_lineno or first))
            after = node.end_lineno or first
            while after < len(lines) and not lines[after].strip():  # blank lines after it
                cut.add(after)
                after += 1
    entries = re.compile(rf"^[ \t]+{NAME}: ({'|'.join(processes) or '(?!)'}),\n", re.MULTILINE)
    left = "".join(line for number, line in enumerate(lines) if number not in cut)
    names = {match[2]: match[0] for match in entries.finditer(left)}
    processes = {name: code + "\0" + names[name] for name, code in processes.items() if name in names}
    return (entries.sub("", left), processes) if processes else None


def put_back(package: str) -> None:
    """Put the user's processes into the new `__main__.py`."""
    if not STASH.exists():
        return
    main = Path(package, "__main__.py")
    text, processes = main.read_text("utf-8"), json.loads(STASH.read_text("utf-8"))
    procfile = Path("Procfile").read_text("utf-8") if Path("Procfile").exists() else ""
    for stored in processes.values():
        code, entry = stored.split("\0")
        name = re.findall(NAME, entry)[0]
        table = "PROCESS_TYPES" if re.search(rf"^{name}:", procfile, re.MULTILINE) else "ONE_OFF"
        text = text.replace("\nPROCESS_TYPES = {", f"\n{code.rstrip()}\n\n\nPROCESS_TYPES = {{", 1)
        text = text.replace(f"{table} = {{\n", f"{table} = {{\n{entry}", 1)
    write(main, text)
    STASH.unlink()


def rename(path: Path, package: str) -> None:
    """Replace older names in the user's code by the names of 1.0.0."""
    text = path.read_text("utf-8")
    if "<<<<<<<" in text or ">>>>>>>" in text:
        return  # the user must resolve the conflict first
    changed, imports = text, []
    for pattern, replacement, needs in RENAMED:
        changed, count = re.subn(pattern, replacement, changed)
        imports += [needs] if count and needs and needs not in imports else []
    if re.search(r"\.runtime\.postgres import Postgres\b", changed) and "import Database" in text:
        changed = re.sub(r"\bDatabase\b", "Postgres", changed)
    if QUEUE.search(changed) and "queue" not in imported(changed):
        imports.append("from .runtime import jobs_queue")  # the update removed the import
        changed = QUEUE.sub("jobs_queue.", changed)
    elif re.search(r"\.runtime import jobs_queue\b", changed):
        changed = re.sub(r"\bqueue\.(?=\w)", "jobs_queue.", changed)
    if path.parts[0] != package:
        imports = [each.replace("from .", f"from {package}.") for each in imports]
    for line in imports:
        if line not in changed:
            changed = add_import(changed, line)
    write(path, changed)
    for number, line in enumerate(changed.splitlines(), 1):
        if GONE.search(line):
            print(f"{path}:{number}: {line.strip()!r} is gone since 1.0.0; see CHANGELOG.md of the template.")


def imported(text: str) -> set[str]:
    """Return the names that a module imports."""
    imports = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Import | ast.ImportFrom)]
    return {name.asname or name.name for node in imports for name in node.names}


def add_import(text: str, line: str) -> str:
    """Add an import below the last one at the top of a module."""
    imports = [node for node in ast.parse(text).body if isinstance(node, ast.Import | ast.ImportFrom)]
    lines = text.splitlines(keepends=True)
    lines.insert(imports[-1].end_lineno or 0 if imports else 1, f"{line}\n")
    return "".join(lines)


def write(path: Path, text: str) -> None:
    """Write a file in one step, if its content changes."""
    if path.read_text("utf-8") != text:
        path.with_name(f"{path.name}.new").write_text(text, "utf-8", newline="\n")
        path.with_name(f"{path.name}.new").replace(path)


if __name__ == "__main__":
    stage, answers = sys.argv[1:]
    package = re.findall(r"(?m)^package: (\w+)$", Path(answers).read_text("utf-8"))[0]
    if stage == "before":
        before(package)
    else:
        put_back(package)
        for path in sorted([*Path(package).rglob("*.py"), *Path("tests").rglob("*.py")]):
            if not {"runtime", "contract"} & set(path.parts):
                rename(path, package)
