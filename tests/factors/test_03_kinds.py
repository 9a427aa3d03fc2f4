"""III. Config: settings of every kind, with whole values or with problems that name the variable (C-7)."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Run
from tests.support.project import Project

# Each line makes one class of settings; `given` are its variables.
PROBE = """
import enum, json, os, sys, uuid
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NamedTuple, TypedDict
from pydantic import (
    AliasChoices, AliasPath, BaseModel, BeforeValidator, Field, HttpUrl, Json, RootModel, SecretStr,
    ValidationError, create_model, model_validator,
)
from pydantic_settings import NoDecode
from {package}.runtime.config import RuntimeSettings
from {package}.runtime.variables import problems

class Color(enum.Enum): RED = "red"; BLUE = "blue"
class Level(enum.IntEnum): LOW = 1; HIGH = 2
class Smtp(BaseModel): host: str; port: int = 25
class Account(BaseModel):
    password: str
    @model_validator(mode="after")
    def judge(self): raise ValueError(f"{{self.password}} is too weak")
class Tree(BaseModel): name: str; leaves: list["Tree"] = []
class Point(NamedTuple): x: int; y: int
class Limits(TypedDict): daily: int
class Tags(RootModel[list[str]]): pass
@dataclass
class Box: width: int; height: int
type Hosts = list[str]
def split(value): return value.split(";") if isinstance(value, str) else value
def refuse(value): raise ValueError(f"{{value}} is not known")

for line in sys.stdin:
    kind, given = json.loads(line)
    kind = eval(kind)
    os.environ.update(given)
    annotation, field = kind if isinstance(kind, tuple) else (kind, Field())
    class Base(RuntimeSettings): model_config = {{"env_nested_delimiter": "__"}}
    Settings = create_model("Settings", __base__=Base, x=(annotation, field))
    try:
        answer = repr(Settings().x)
    except ValidationError as error:
        answer = problems(Settings, error)
    print(json.dumps(answer))
    for name in given: del os.environ[name]
"""

# The kind, the value of X, and what is read.
READ = [
    ("list[str]", "https://a.com,https://b.com", "['https://a.com', 'https://b.com']"),
    ("list[str]", " a , b ,", "['a', 'b']"),
    ("list[str]", "a", "['a']"),
    ("list[str]", "17", "['17']"),
    ("list[str]", "true,null", "['true', 'null']"),
    ("list[str]", "null", "['null']"),
    ("list[str]", '["a,b", "c"]', "['a,b', 'c']"),
    ("list[str]", "[]", "[]"),
    ("list[str]", ",", "[]"),
    ("list[int]", "1,2", "[1, 2]"),
    ("list[int]", "[1, 2]", "[1, 2]"),
    ("list[float]", "0.5", "[0.5]"),
    ("list[bool]", "yes,off", "[True, False]"),
    ("list[str] | None", "a,b", "['a', 'b']"),
    ("Annotated[list[str], Field(min_length=2)]", "a,b", "['a', 'b']"),
    ("Annotated[list[str], NoDecode, BeforeValidator(split)]", "a;b,c", "['a', 'b,c']"),
    ("Hosts", "a,b", "['a', 'b']"),
    ("Tags", "a,b", "Tags(root=['a', 'b'])"),
    ("Sequence[int]", "1,2", "[1, 2]"),
    ("deque[int]", "1,2", "deque([1, 2])"),
    ("set[int]", "1,1", "{1}"),
    ("frozenset[str]", "a", "frozenset({'a'})"),
    ("tuple[str, ...]", "a,b", "('a', 'b')"),
    ("tuple[str, int]", "a,1", "('a', 1)"),
    ("Point", "1,2", "Point(x=1, y=2)"),
    ("list[Color]", "red,blue", "[<Color.RED: 'red'>, <Color.BLUE: 'blue'>]"),
    ("list[Level]", '["1", 2]', "[<Level.LOW: 1>, <Level.HIGH: 2>]"),
    ("list[Literal['a', 'b']]", "b,a", "['b', 'a']"),
    ("list[SecretStr]", "one,two", "[SecretStr('**********'), SecretStr('**********')]"),
    ("list[HttpUrl]", "https://a.com", "[HttpUrl('https://a.com/')]"),
    ("list[list[int]]", "[[1], [2]]", "[[1], [2]]"),
    ("list[dict[str, int]]", '[{"a": 1}]', "[{'a': 1}]"),
    ("list[Smtp]", '[{"host": "a"}]', "[Smtp(host='a', port=25)]"),
    ("str | list[str]", "a,b", "'a,b'"),
    ("int | list[int]", "5", "5"),
    ("dict[str, int]", '{"a": 1}', "{'a': 1}"),
    ("Mapping[str, str]", '{"a": "b"}', "{'a': 'b'}"),
    ("Json[list[int]]", "[1]", "[1]"),
    ("Smtp", '{"host": "a"}', "Smtp(host='a', port=25)"),
    ("Smtp | None", '{"host": "a"}', "Smtp(host='a', port=25)"),
    ("Tree", '{"name": "a"}', "Tree(name='a', leaves=[])"),
    ("Limits", '{"daily": 1}', "{'daily': 1}"),
    ("Box", '{"width": 1, "height": 2}', "Box(width=1, height=2)"),
    ("Color", "red", "<Color.RED: 'red'>"),
    ("bytes", "a,b", "b'a,b'"),
]

LIST = 'Input should be a list, such as a,b or ["a", "b"]'
INTEGER = "Input should be a valid integer, unable to parse string as an integer"
# The kind, the value of X, and what is said of it. "swordfish" is what must never be told.
REFUSED = [
    ("list[str]", "[swordfish", LIST),
    ("list[str]", '{"swordfish": 1}', "Input should be a valid list"),
    ("list[str] | None", "[swordfish", LIST),
    ("list[int]", "1,swordfish", f"item 2: {INTEGER}"),
    ("list[int]", '[1, "swordfish"]', f"item 2: {INTEGER}"),
    ("list[int]", "swordfish,swordfish", f"item 1: {INTEGER}; item 2: {INTEGER}"),
    ("set[int]", "swordfish", f"item 1: {INTEGER}"),
    ("tuple[int, int]", "1", "item 2: Field required"),
    ("tuple[int, ...]", "[swordfish", LIST),
    ("Hosts", "[swordfish", LIST),
    ("list[Color]", "red,swordfish", "item 2: Input should be 'red' or 'blue'"),
    ("list[HttpUrl]", "swordfish", "item 1: Input should be a valid URL, relative URL without a base"),
    ("dict[str, int]", "swordfish", 'Input should be JSON, such as {"name": …}'),
    ("dict[str, int]", "[1]", "Input should be a valid dictionary"),
    ("dict[str, int]", '{"swordfish": "x"}', INTEGER),
    ("Smtp", "swordfish", 'Input should be JSON, such as {"host": …, "port": …}'),
    ("Smtp", '{"port": 25}', "host: Field required"),
    ("Smtp", '{"host": "a", "port": "swordfish"}', f"port: {INTEGER}"),
    ("Smtp | None", "{swordfish", 'Input should be JSON, such as {"host": …, "port": …}'),
    ("Account", '{"password": "swordfish"}', "Value error, … is too weak"),
    ("list[Account]", '[{"password": "swordfish"}]', "item 1: Value error, … is too weak"),
    ("Tree", '{"name": "a", "leaves": [{}]}', "leaves: item 1: name: Field required"),
    ("Box", "swordfish", 'Input should be JSON, such as {"width": …, "height": …}'),
    ("Color", "swordfish", "Input should be 'red' or 'blue'"),
    ("uuid.UUID", "swordfish", "Input should be a valid UUID"),
    ("Annotated[str, BeforeValidator(refuse)]", "swordfish", "Value error, … is not known"),
    ("Annotated[list[str], Field(min_length=2)]", "a", "List should have at least 2 items after validation"),
]

# Fields whose variables have other names than the field, or are several: the one that was set is named.
NAMED = [
    ("(int, Field(validation_alias='API_X'))", {"API_X": "swordfish"}, "API_X"),
    ("(int, Field(alias='api_x'))", {"API_X": "swordfish"}, "API_X"),
    ("(int, Field(validation_alias=AliasChoices('a', 'b')))", {"B": "swordfish"}, "B"),
    ("(int, Field(validation_alias=AliasChoices('a', 'b')))", {"A": "swordfish", "B": "1"}, "A"),
    ("(int, Field(validation_alias=AliasChoices('a', 'b')))", {"A": "", "B": "swordfish"}, "B"),
    ("(int, Field(validation_alias=AliasChoices('a', 'b')))", {}, "A"),
    ("(list[int], Field(validation_alias='ids'))", {"IDS": "1,swordfish"}, "IDS"),
    ("(int, Field(validation_alias=AliasPath('pair', 1)))", {"PAIR": '["a", "swordfish"]'}, "PAIR"),
    ("int", {}, "X"),
    ("int", {"x": "swordfish"}, "X"),
    ("Smtp", {"X__HOST": "a", "X__PORT": "swordfish"}, "X__PORT"),
]

type Ask = Callable[[list[tuple[str, dict[str, str]]]], list[Any]]


@pytest.fixture(scope="module")
def ask(pristine: Project, production: Path) -> Ask:
    """Return a function that reads settings of many kinds in one process."""

    def asked(kinds: list[tuple[str, dict[str, str]]]) -> list[Any]:
        done = subprocess.run(
            [str(production / "bin" / "python"), "-c", PROBE.format(package=pristine.name)],
            cwd=pristine.path,
            env={},
            input="".join(f"{json.dumps(kind)}\n" for kind in kinds),
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    return asked


def test_a_setting_of_any_kind_is_read(ask: Ask) -> None:
    """Lists with commas or as JSON, mappings and models as JSON."""
    answers = ask([(kind, {"X": value}) for kind, value, _ in READ])
    assert list(zip(READ, answers, strict=True)) == [(case, case[2]) for case in READ]


def test_a_setting_of_any_kind_is_refused_by_its_name(ask: Ask) -> None:
    """C-7: with what it should be, and without its value."""
    answers = ask([(kind, {"X": value}) for kind, value, _ in REFUSED])
    for (kind, value, expected), answer in zip(REFUSED, answers, strict=True):
        assert answer.keys() == {"X"}, (kind, value, answer)
        assert answer["X"].startswith(expected), (kind, value, answer)
        assert "swordfish" not in answer["X"]


def test_the_variable_that_was_set_is_named(ask: Ask) -> None:
    """C-7: aliases included."""
    answers = ask([(kind, given) for kind, given, _ in NAMED])
    assert [list(answer) for answer in answers] == [[name] for *_, name in NAMED]


MORE = """
    cors_origins: list[str] = []
    limits: dict[str, int] = {}
    keys: list[SecretStr] = []
"""


def test_all_problems_are_one_event(run: Run, copied: Project) -> None:
    """C-7: a list or a mapping that does not parse hides no other problem."""
    file = copied.package / "settings.py"
    file.write_text(file.read_text().replace("\n\n", "\n\nfrom pydantic import SecretStr\n", 1))
    copied.append("settings.py", MORE)
    given = {"LIMITS": "swordfish", "KEYS": "[swordfish", "PORT": "swordfish"}
    done = run("check", project=copied, given=given)
    assert done.returncode == 78
    [event] = map(json.loads, done.stdout.splitlines())
    assert event["problems"].keys() == given.keys()
    assert "swordfish" not in done.stdout
    script = "print(settings.cors_origins)"
    done = run("shell", stdin=script, project=copied, CORS_ORIGINS="https://a.com,https://b.com", KEYS="a,b")
    assert "['https://a.com', 'https://b.com']" in done.stdout
