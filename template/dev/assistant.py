"""`python -m dev env`: asks for each setting that `.env` lacks."""

import json
import os
import re
import sys
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import get_args

import questionary
from honcho.environ import parse  # type: ignore[import-untyped]
from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, SettingsError

from .environment import ENV, EXAMPLE, read

SET_BY_HEROKU = re.compile(r"dyno|heroku_\w+")


def run(settings: type[BaseSettings]) -> int:
    """Ask, or without a terminal say what must be set, and return the exit status."""
    known, example = read(ENV), read(EXAMPLE)
    lacking = {
        name: field
        for name, field in settings.model_fields.items()
        if not (known.get(name.upper()) if field.is_required() else name.upper() in known)
        and not SET_BY_HEROKU.fullmatch(name)
    }
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        required = [name.upper() for name, field in lacking.items() if field.is_required()]
        missing = [name for name in required if not example.get(name)]
        if missing:
            print(f".env lacks {', '.join(missing)}.", file=sys.stderr)
        return bool(missing)
    try:
        save({name.upper(): ask(settings, name, example) for name in lacking})
    except (KeyboardInterrupt, EOFError):
        print("Nothing was written.", file=sys.stderr)
        return 1
    print(".env has every setting.")
    return 0


def ask(settings: type[BaseSettings], name: str, example: dict[str, str]) -> str:
    """Ask until the answer is valid. An empty one leaves the setting at its default."""
    field = settings.model_fields[name]
    secret = SecretStr in (field.annotation, *get_args(field.annotation))
    prompt = questionary.password if secret else questionary.text
    question = prompt(
        f"{name.upper()}: {field.description or ''}",
        default=example.get(name.upper()) or default(field),
        validate=lambda answer: problem(settings, name, answer) or True,
    )
    return str(question.unsafe_ask())


def default(field: FieldInfo) -> str:
    """A field's default as one writes it in the environment."""
    value = None if field.is_required() else field.get_default(call_default_factory=True)
    if value is None or isinstance(value, SecretStr):
        return ""
    return value if isinstance(value, str) else json.dumps(value, default=str)


def problem(settings: type[BaseSettings], name: str, answer: str) -> str:
    """What is wrong with an answer, by the settings themselves; other fields do not matter here."""
    if parse(assignment(name, answer)) != {name: answer}:
        return "A .env file cannot hold this: it would be read back as something else."
    os.environ[name.upper()] = answer
    try:
        settings()
    except ValidationError as error:
        return "; ".join(found["msg"] for found in error.errors() if found["loc"][:1] == (name,))
    except SettingsError as error:  # a list or a mapping that is not JSON
        return str(error)
    return ""


def assignment(name: str, value: str) -> str:
    """A line of `.env`, quoted where the value needs it."""
    if re.fullmatch(r"[\w./:,@%+*-]+", value, re.ASCII):
        return f"{name}={value}\n"
    escaped = value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
    return f'{name}="{escaped}"\n'


def save(answers: dict[str, str]) -> None:
    """Add to `.env` in one step; only its owner may read it."""
    text = ENV.read_text("utf-8") if ENV.exists() else ""
    if text and not text.endswith("\n"):
        text += "\n"
    lines = (assignment(name, value) for name, value in answers.items())
    with NamedTemporaryFile("w", dir=ENV.parent, encoding="utf-8", delete=False) as file:
        file.write(text + "".join(lines))  # its mode is 600 from the first byte on
    try:
        os.replace(file.name, ENV)
    finally:
        Path(file.name).unlink(missing_ok=True)
