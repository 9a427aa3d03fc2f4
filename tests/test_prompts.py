"""Prompts: the questionnaire in a terminal, as a user sees it."""

import os
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest
import yaml

from extensions import context, names
from tests.support.patience import PATIENCE

ENTER, CLEAR, SPACE, UP, DOWN, CTRL_C = "\r", "\x15", " ", "\x1b[A", "\x1b[B", "\x03"
COLUMNS = 80  # the width of a usual terminal


# The questions about a service named "My shop", by the beginnings of their help texts.
BEFORE_THE_QUEUE = (
    "What is the name of the service",
    "What is its name on platforms",
    "Which Python package",
    "What does My shop do",
    "Who is its author",
    "What is the author's e-mail",
    "Which web framework",
    "Which database",
)
QUEUE = "Which queue runs its"
AFTER_THE_QUEUE = (
    "Which tools monitor its",
    "Which tool installs",
    "Which version of Python",
    "Which platforms",
    "Which CI tests each",
    "Under which licence",
)


class Terminal:
    """A terminal in which `copier copy` asks its questions."""

    def __init__(self, template: Path, target: Path) -> None:
        self.process: pexpect.spawn[str] = pexpect.spawn(
            sys.executable,
            ["-m", "copier", "copy", "--trust", "--skip-tasks", str(template), str(target)],
            env={**os.environ, "TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1"},
            dimensions=(50, COLUMNS),
            encoding="utf-8",
            timeout=PATIENCE,
        )

    def asks(self, question: str) -> None:
        """Wait for the beginning of a question's help text."""
        self.process.expect_exact(question)
        time.sleep(0.1)  # the prompt starts to read keys shortly after it is drawn

    def accepts(self, *questions: str) -> None:
        """Press Enter at each question."""
        for question in questions:
            self.asks(question)
            self.type(ENTER)

    def type(self, keys: str) -> None:
        self.process.send(keys)

    def says(self, text: str) -> None:
        self.process.expect_exact(text)

    def ends(self) -> int:
        """Wait until copier exits, and return the exit status."""
        self.process.expect(pexpect.EOF)
        self.process.close()
        assert self.process.exitstatus is not None
        return self.process.exitstatus


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "my-shop"


@pytest.fixture
def terminal(
    template: Path, target: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Terminal]:
    """Start the questionnaire for a user whose name git knows."""
    config = tmp_path / "gitconfig"
    config.write_text("[user]\n\tname = Ada Lovelace\n\temail = ada@example.com\n[safe]\n\tdirectory = *\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    monkeypatch.chdir(tmp_path)
    started = Terminal(template, target)
    yield started
    started.process.close(force=True)


def stored(target: Path) -> dict[str, object]:
    answers: dict[str, object] = yaml.safe_load((target / ".copier-answers.yml").read_text("utf-8"))
    return {name: value for name, value in answers.items() if not name.startswith("_")}


def test_enter_accepts_what_is_offered(terminal: Terminal, target: Path) -> None:
    terminal.accepts(*BEFORE_THE_QUEUE, QUEUE, *AFTER_THE_QUEUE)
    terminal.says("Run these two commands")
    terminal.says("uv run python -m dev")
    assert terminal.ends() == 0
    assert stored(target) == {
        "project_name": "My shop",
        "project_slug": "my-shop",
        "package": "my_shop",
        "description": "A twelve-factor web service.",
        "user_name": "Ada Lovelace",
        "user_email": "ada@example.com",
        "framework": "fastapi",
        "database": "postgres",
        "queue": "none",
        "observability": [],
        "package_manager": "uv",
        "python_version": "3.13",
        "platforms": ["heroku", "docker"],
        "ci": "github",
        "license": "none",
    }
    assert list(stored(target)) == [name for name in context.QUESTIONS if name != "clock"]


def test_a_clock_is_asked_for_where_a_queue_needs_one(terminal: Terminal, target: Path) -> None:
    terminal.accepts(*BEFORE_THE_QUEUE)
    terminal.asks(QUEUE)
    terminal.type(DOWN + DOWN + ENTER)
    terminal.asks("Does it have periodic jobs")
    terminal.type("y")
    terminal.accepts(*AFTER_THE_QUEUE)
    assert terminal.ends() == 0
    assert stored(target)["clock"] is True
    assert list(stored(target)) == list(context.QUESTIONS)
    assert "clock: python -m my_shop clock\n" in (target / "Procfile").read_text()


def test_answers_are_checked_as_they_are_typed(terminal: Terminal, target: Path) -> None:
    terminal.asks("What is the name of the service")
    terminal.type(CLEAR + ENTER)
    terminal.says("is empty.")
    terminal.type("Größe 注文" + ENTER)
    terminal.asks("What is its name on platforms")
    terminal.type(CLEAR + "Bad Slug" + ENTER)
    terminal.says("may use a-z, 0-9, single hyphens.")
    terminal.type(CLEAR + "sizes" + ENTER)
    terminal.asks("Which Python package")
    terminal.type(CLEAR + "json" + ENTER)
    terminal.says("is a standard library module.")
    terminal.type(CLEAR + "sizing" + ENTER)
    terminal.asks("What does Größe 注文 do")
    terminal.type(CLEAR + 'Says "how big".' + ENTER)
    terminal.asks("Who is its author")
    terminal.type(CLEAR + ENTER)
    terminal.asks("What is the author's e-mail")
    terminal.type(CLEAR + "nobody" + ENTER)
    terminal.says("is not an e-mail address.")
    terminal.type(CLEAR + ENTER)
    terminal.asks("Which web framework")
    terminal.says("Litestar - ASGI, controllers")
    terminal.type(DOWN + ENTER)
    terminal.asks("Which database")
    terminal.type(UP + ENTER)
    terminal.asks("Which queue runs its")
    terminal.type(ENTER)
    terminal.asks("Which tools monitor its")
    terminal.type(ENTER)
    terminal.asks("Which tool installs")
    terminal.type(DOWN + ENTER)
    terminal.asks("Which version of Python")
    terminal.type(DOWN + ENTER)
    terminal.asks("Which platforms")
    terminal.type(DOWN + SPACE + DOWN + DOWN + SPACE + ENTER)
    time.sleep(0.5)  # the prompt refuses this and stays; tests/platforms/test_options.py checks why
    terminal.type(UP + UP + SPACE + ENTER)
    terminal.asks("Which CI tests each")
    terminal.type(DOWN + ENTER)
    terminal.asks("Under which licence")
    terminal.type(DOWN + ENTER)
    terminal.says(".venv/bin/python -m dev")
    assert terminal.ends() == 0
    assert stored(target) == {
        "project_name": "Größe 注文",
        "project_slug": "sizes",
        "package": "sizing",
        "description": 'Says "how big".',
        "user_name": "",
        "user_email": "",
        "framework": "litestar",
        "database": "none",
        "queue": "none",
        "observability": [],
        "package_manager": "pip",
        "python_version": "3.14",
        "platforms": ["heroku", "docker", "fly"],
        "ci": "gitlab",
        "license": "MIT",
    }
    assert "the authors of Größe 注文" in (target / "LICENSE").read_text("utf-8")


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        *(("project_name", each) for each in ("", "x" * 999, " x", "a\tb")),
        *(("project_slug", each) for each in ("Bad", "x" * 999, "fastapi")),
        *(("package", each) for each in ("Bad", "x" * 999, "json", "class", "fastapi", "tests", "con")),
        *(("user_email", each) for each in ("nobody", f"{'x' * 999}@x")),
        ("platforms", ["kubernetes"]),
    ],
)
def test_an_error_fits_a_terminal(question: str, answer: object) -> None:
    """A prompt shows an error on one line, and cuts longer ones."""
    shown = f"Validation error for question '{question}': {names.prompt_problem(question, answer)}"
    assert names.prompt_problem(question, answer)
    assert len(shown) <= COLUMNS


def test_a_choice_that_cannot_be_made_fits_a_terminal() -> None:
    listed = [each for question in context.QUESTIONS.values() for each in as_pairs(question.get("choices"))]
    assert len(listed) > 20
    for title, details in listed:
        refused = re.search(r"else '(.+)'", details["validator"]) if isinstance(details, dict) else None
        assert len(f"   - {title} ({refused[1]})" if refused else f"   {title}") <= COLUMNS


def as_pairs(choices: object) -> list[tuple[str, object]]:
    return list(choices.items()) if isinstance(choices, dict) else []


def test_ctrl_c_leaves_nothing_behind(terminal: Terminal, target: Path) -> None:
    terminal.asks("What is the name of the service")
    terminal.type(CTRL_C)
    terminal.says("Execution stopped by user")
    assert terminal.ends() == 1
    assert not target.exists()
