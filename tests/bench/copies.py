"""`copier copy` and `copier update`, beside a template of the same files without an expression in them."""

import sys
import tempfile
import time
from pathlib import Path

import copier

from tests.support.client import reserved_port
from tests.support.git import commit_all
from tests.support.project import run_uv
from tests.support.variants import IDENTITY, python_version

from .rows import Row, Rows
from .services import Asked, Services
from .sides import Side

STATIC = "_subdirectory: template\n_templates_suffix: .jinja\n"


def copy(template: Path, to: Path, data: dict[str, str]) -> float:
    """Run `copier copy`, and return the seconds it took."""
    began = time.perf_counter()
    copier.run_copy(str(template), to, data=data, defaults=True, unsafe=True, quiet=True)
    return time.perf_counter() - began


def update(project: Path) -> float:
    """Run `copier update`, and return the seconds it took."""
    began = time.perf_counter()
    copier.run_update(project, defaults=True, overwrite=True, unsafe=True, quiet=True)
    return time.perf_counter() - began


def static_template(like: Path, to: Path) -> Path:
    """Make a template of the files of a project as they stand, with no expression in them."""
    for file in sorted(path for path in like.rglob("*") if path.is_file() and ".git/" not in str(path)):
        copied = to / "template" / file.relative_to(like)
        copied.parent.mkdir(parents=True, exist_ok=True)
        copied.write_bytes(file.read_bytes())
    (to / "copier.yml").write_text(STATIC)
    answers = to / "template" / "{{ _copier_conf.answers_file }}.jinja"
    answers.write_text("{{ _copier_answers|to_nice_yaml }}")
    (to / "template" / ".copier-answers.yml").unlink()
    commit_all(to, "Static", tag="1.0.0")
    return to


def copies(services: Services, asked: Asked) -> list[Row]:
    """Measure copies, updates, and the way from Enter to the first 200."""
    rows = Rows("template")
    template, data = services.template(), {**IDENTITY, "python_version": python_version()}
    with tempfile.TemporaryDirectory() as folder, reserved_port() as port:
        here = Path(folder)
        copy(template, here / "like", data)
        static = static_template(here / "like", here / "static")
        for number in range(asked.rounds):
            ours, theirs = here / f"ours-{number}", here / f"theirs-{number}"
            rows.add("copier copy", "s", copy(template, ours, data), copy(static, theirs, {}), "≤ 1.5")
            commit_all(ours, "Ours")
            commit_all(theirs, "Theirs")
            rows.add("copier update", "s", update(ours), update(theirs), "≤ 1.5")
            began = time.perf_counter()
            first = here / f"first-{number}"
            copy(template, first, data)
            environment = here / f"env-{number}"
            arguments = ("sync", "--locked", "--quiet", "--python", sys.executable)
            run_uv(first, *arguments, UV_PROJECT_ENVIRONMENT=str(environment))
            side = Side(
                [str(environment / "bin" / "python"), "-m", "dev"],
                first,
                {"PATH": f"{environment / 'bin'}:/usr/bin:/bin", "PORT": str(port), "HOME": folder},
                port,
            )
            with side.running() as process:
                process.seconds_until_answer(port)
                rows.add(
                    "copy to the first answer, warm cache", "s", time.perf_counter() - began, None, "< 6 s"
                )
                process.process.terminate()
                process.process.wait(30)
    return rows.all()
