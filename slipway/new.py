"""`slipway new DIR`: ask, generate the service, and say what was made and what to do next."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from copier._main import Worker
from copier.errors import UserMessageError

from .errors import one_line, say
from .source import Template, own

NOTHING = "none"


class Launch(Worker):
    """copier's own copy, but with a summary instead of a line for each file.

    Names that begin with an underscore are private to copier, so pyproject.toml pins its version, and
    tests/test_launcher.py checks the output.
    """

    def _render_template(self) -> None:
        say(f"\nWriting {self.dst_path}")
        super()._render_template()

    def _execute_tasks(self, tasks: Sequence[Any]) -> None:
        say("Completing the lock file")
        super()._execute_tasks(tasks)

    def launch(self) -> None:
        """Ask, copy, and print the template's own messages before and after."""
        self._print_message(self.template.message_before_copy)
        self.quiet = True
        self.run_copy()
        self.quiet = False
        say(made(self.answers.combined, self.dst_path))
        self._print_message(self.template.message_after_copy)


def made(answers: Mapping[str, Any], folder: Path) -> str:
    """Return a summary of the new service, as one line."""
    files = sum(path.is_file() for path in folder.rglob("*") if ".git" not in path.parts)
    return f"Made {folder}: {files} files, with {summary(answers)}."


def summary(answers: Mapping[str, Any]) -> str:
    """Return the chosen options of a service."""
    chosen = [answers.get(name) for name in ("framework", "database", "queue", "package_manager", "ci")]
    chosen += ["clock"] * (answers.get("clock") is True) + list(answers.get("platforms") or [])
    return ", ".join(str(each) for each in chosen if each and each != NOTHING)


def new(folder: Path, data: Mapping[str, str], *, defaults: bool, version: str | None) -> None:
    """Launch a service into a folder. Raises UserMessageError."""
    template = own()
    check(folder, template)
    with (
        one_line(template.address),
        Launch(
            src_path=template.address,
            dst_path=folder,
            data=dict(data),
            defaults=defaults,
            vcs_ref=version or template.version,
            unsafe=True,  # the user trusts the template, because the launcher came with it
        ) as worker,
    ):
        worker.launch()


def check(folder: Path, template: Template) -> None:
    """Refuse a folder inside the template's clone. Raises UserMessageError."""
    if is_inside(folder, template):
        name = folder.resolve().name
        raise UserMessageError(
            f"{folder} is inside the template's clone: choose a folder outside, such as ../{name}."
        )


def is_inside(folder: Path, template: Template) -> bool:
    """Tell whether a folder is the template's clone, or in it. Raises UserMessageError."""
    with one_line(template.address):
        clone, target = Path(template.address), folder.resolve()
        return clone.is_dir() and clone.resolve() in (target, *target.parents)
