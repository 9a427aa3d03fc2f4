"""The only file that copier loads: it sets the names for templates, and refuses invalid answers.

Every template and path can use a boolean for each option (`fastapi`, `uv`, `fly`) and the names that
`ContextUpdater.hook` sets. The filters are `quoted`, `python_string` and `problem`.

During an update, copier runs the old and the new version of this file in one process. A module next to
this file must therefore never be found under a name that another version has used. The lines after the
imports ensure that. For the same reason, no function here imports anything.
"""

import functools
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from copier.errors import UserMessageError
from copier_template_extensions import ContextHook
from jinja2 import Environment

if __name__.startswith("copier_template_extensions."):  # loaded by copier, not by pytest
    __path__, __package__ = [str(Path(__file__).parent)], __name__
    __spec__.submodule_search_locations = __path__  # with it, `__spec__.parent` agrees
    for _name in [name for name in sys.modules if name.startswith(f"{__name__}.")]:
        del sys.modules[_name]  # forget the other version's copy

from . import formation, names, options, origin, pins, stored, target, text

TEMPLATE = Path(__file__).parent.parent
QUESTIONS: dict[str, dict[str, Any]] = {
    name: details
    for name, details in yaml.safe_load((TEMPLATE / "copier.yml").read_text("utf-8")).items()
    if not name.startswith("_")
}
_MANIFEST = tomllib.loads((TEMPLATE / "pyproject.toml").read_text("utf-8"))
# copier and its extensions package, each with the version that this template is tested with.
COPIER_TOOLS: list[str] = _MANIFEST["project"]["dependencies"]
# The tools that a service's CI and README run from the index, by name, each as a pinned requirement.
AUDIT_TOOLS = {tool.partition("==")[0]: tool for tool in _MANIFEST["dependency-groups"]["audit"]}
# The questions whose choices become booleans in the templates, each named like its choice.
OPTIONS = ("framework", "database", "queue", "observability", "package_manager", "platforms", "ci")
# The frameworks whose applications run in threads, behind runtime/bridge.py.
ON_WSGI = ("flask", "django")
# The choices that have a dependency group in pins/pyproject.toml, in the order of the manifest.
GROUPS = (
    "fastapi",
    "litestar",
    "flask",
    "django",
    "sqlalchemy-asyncio",
    "sqlalchemy",
    "sqlalchemy-pool",
    "postgres",
    "procrastinate",
    "dramatiq",
    "celery",
    "clock",
    "redis",
    "opentelemetry",
    "sentry",
    "prometheus",
)


class ContextUpdater(ContextHook):
    """Check the answers once, and set the names for each render."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        # copier compiles each part of each path again: the same few, hundreds of times.
        environment.compile = functools.cache(environment.compile)  # type: ignore[assignment, method-assign]
        self._checked_command = self._checked_answers = False
        self._problem = ""
        self._launched = False
        environment.filters |= {
            "quoted": text.quoted,
            "python_string": text.python_string,
            "problem": lambda answer, question: names.prompt_problem(question, answer),
        }
        environment.globals |= {
            "default_name": names.default_name,
            "default_slug": names.default_slug,
            "default_package": names.default_package,
            "default_user": names.default_user,
            "git_config": text.git_config,
            "is_copiers_own": target.is_copiers_own,
        }

    def hook(self, context: dict[str, Any]) -> None:
        """Set the names. copier calls this before each render, with the variables of that render."""
        conf = context["_copier_conf"]
        self._problem = self._problem or self._check(context, conf)
        if self._problem:  # each time, because copier ignores an error while it reads old answers
            raise UserMessageError(self._problem)
        for question in OPTIONS:
            if question in context:
                answer = context[question]
                for choice in choices(question):
                    if choice != "none":
                        context[choice] = choice == answer or (isinstance(answer, list) and choice in answer)
        context["launching"] = not self._launched
        context["wsgi"] = context.get("framework") in ON_WSGI
        context["asgi"] = not context["wsgi"]
        # For files that ASGI and WSGI share: `{{ async }}def` and `{{ await }}call()`.
        context["async"], context["await"] = ("async ", "await ") if context["asgi"] else ("", "")
        context["worker"] = context.get("queue", "none") != "none"
        context["redis"] = context.get("queue") in options.ON_REDIS
        context["clock"] = context["redis"] and options.is_yes(context.get("clock"))
        context["measured"] = context.get("opentelemetry", False) or context.get("prometheus", False)
        context["services"] = context["redis"] or context.get("postgres", False)
        context["sqlalchemy-asyncio"] = context["asgi"] and context.get("postgres", False)
        context["sqlalchemy"] = context.get("flask", False) and context.get("postgres", False)
        context["sqlalchemy-pool"] = context.get("django", False) and context.get("postgres", False)
        groups = [group for group in GROUPS if context.get(group)] + ["common"]
        context["pin_groups"] = groups
        context["copier_tools"] = COPIER_TOOLS
        context["audit_tools"] = AUDIT_TOOLS
        # Only a bot of the CI raises a digest. Without one, the image would keep its vulnerabilities.
        context["image"] = pins.image if context.get("ci", "none") != "none" else str
        context["requires_python"] = pins.REQUIRES_PYTHON
        found = functools.cache(lambda: origin.find(context["_copier_answers"], Path(conf["src_path"])))
        # These are functions because this code runs for each render, and most renders use none of them.
        context["stored_answers"] = lambda: in_order({**context["_copier_answers"], **found().stored})
        context["origin_notes"] = lambda: found().notes
        context["dependencies"] = lambda: pins.direct(groups)
        context["dev_dependencies"] = lambda: pins.direct(pins.development(groups))
        context["requirement_files"] = lambda: pins.requirement_files(groups)
        context["formation"] = formation.formation(context)
        context["lock_seeds"] = lambda: pins.seeds(groups)

    def _check(self, context: dict[str, Any], conf: Any) -> str:
        """Return what is wrong, as one line. The first call checks the command line, before anything is
        printed. A later call checks the stored answers, after copier has read them."""
        if not self._checked_command:
            self._checked_command = True
            if not target.is_copiers_own(conf["dst_path"]):
                if problem := target.problem(Path(conf["dst_path"]), conf["overwrite"]):
                    return problem
                for key in conf["data"].keys() - QUESTIONS.keys():
                    return f"{key} is not a question of this template."
                path = Path(conf["dst_path"], conf["answers_file"] or ".copier-answers.yml")
                if known := stored.answers(path):
                    self._launched = True
                    data = conf["data"]
                    return first_problem(data) or stored.problem(known, data, path, Path(conf["src_path"]))
            return first_problem(conf["data"])
        if not self._checked_answers and str(context.get("_copier_phase")) == "prompt":
            self._checked_answers = True
            return first_problem({**conf["settings"].defaults, **context})
        return ""


def choices(question: str) -> list[str]:
    """Return the choices of a question, in whichever of copier's forms they are listed."""
    listed = QUESTIONS[question].get("choices", [])
    values = listed.values() if isinstance(listed, dict) else listed
    return [value["value"] if isinstance(value, dict) else value for value in values]


def in_order(answers: Mapping[str, Any]) -> dict[str, Any]:
    """Return copier's own answers, and then the others in the order of the questions."""
    own = [name for name in answers if name not in QUESTIONS]
    return {name: answers[name] for name in (*own, *QUESTIONS) if name in answers}


def first_problem(answers: Mapping[str, Any]) -> str:
    """Return the first invalid answer. copier would end with a traceback, or use a default instead."""
    asked = (question for question in QUESTIONS if question in answers)
    found = (names.problem(question, answers[question], choices(question)) for question in asked)
    return next(filter(None, found), "") or options.conflict(answers)
