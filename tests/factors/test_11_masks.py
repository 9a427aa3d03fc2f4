"""XI. Logs: what `extra` adds is there; rows, parameters and credentials are not (C-21, C-22)."""

import json
import re
import time

import pytest

from tests.conftest import Run
from tests.support.postgres import Database
from tests.support.project import Project

pytestmark = pytest.mark.database

SECRET = "swordfish"
LONG = f"{SECRET}\n" * 300

# What is logged, and a piece of it that stays.
TEXTS = [
    (f"cannot reach postgres://ada:{SECRET}@db.example:5432/orders", "@db.example:5432/orders"),
    (f"cannot reach redis://:{SECRET}@cache.example:6379/0, and went on", "@cache.example:6379/0, and"),
    (f"postgres://{SECRET}:{SECRET}\n{SECRET}@db.example", "@db.example"),
    (f"postgres://a:{SECRET}/{SECRET}:#@{SECRET}@db.example?x=1", "@db.example?x=1"),
    (f"git clone https://{SECRET}@git.example/it", "@git.example/it"),
    (f"rediss://a:{SECRET}@one.example,rediss://b:{SECRET}@two.example", "@two.example"),
    (f"host=db.example password={SECRET} port=1", "host=db.example password=… port=1"),
    (f"host=db.example password='{SECRET} {SECRET}' port=1", "port=1"),
    (f"1 error\ncount\n  Not a number [type=int, input_value='{SECRET}', input_type=str]", "input_type=str"),
    (f"duplicate key\nDETAIL:  Key (text)=({LONG}) already exists.", "duplicate key"),
    (f"UniqueViolation('duplicate key\\nDETAIL:  Key (text)=({SECRET}) exists.')", "duplicate key"),
    (f"(IntegrityError) null\nDETAIL:  row ({SECRET}\n\n{SECRET})\n\n[SQL: INSERT …]", "[SQL: INSERT …]"),
    (f'invalid input syntax for type integer: "{LONG}"\nLINE 1: …', "type integer: …"),
    (f"invalid literal for int() with base 10: '{SECRET}'", "with base 10: …"),
    (f"could not convert string to float: '{SECRET}\\'{SECRET}'", "to float: …"),
    (
        f"1 error:\n  {{'type': 'missing', 'msg': 'required', 'input': {{'text': '{SECRET}'}}}}\n\nend",
        "'msg': 'required'",
    ),
    (f"time data '{SECRET}' does not match format '%Y'", "does not match format '%Y'"),
    (f'syntax error in tsquery: "{SECRET} {SECRET}"', "in tsquery: …"),
    (f'time zone "{SECRET}" not recognized', "time zone … not recognized"),
    (f'value "{SECRET}" is out of range for type integer', "value … is out of range for type integer"),
    (
        f"[SQL: INSERT …]\n[parameters: ({{'text': '{SECRET}'}})]\n(Background on this)",
        "(Background on this)",
    ),
]
UNTOUCHED = [
    "see https://docs.example/page?x=1 or mail ada@example.com",
    "http://[::1]:8000/path and http://localhost:5000, a@b",
    'constraint "notes_pkey": "of a table"',
    'relation "notes" does not exist, and the value "1" of a name "a" is kept',
    "should be a URL such as postgres://user:password@host:5432/name",
]
LOG = """
import logging
texts = {!r}
for text in texts:
    logging.getLogger("a.library").warning(text)
    try:
        raise ValueError(text)
    except ValueError:
        logging.getLogger("a.library").exception("failed")
    logging.getLogger("a.library").warning("nested", extra={{"found": [{{"text": text}}, ValueError(text)]}})
"""
SQLALCHEMY = """
from sqlalchemy import text

def run(statement, **values):
    session.rollback()
    session.execute(text(statement), values)
    session.commit()
"""
DJANGO = """
import re
from django.db import connection

def run(statement, **values):
    connection.cursor().execute(re.sub(r":(\\w+)", r"%(\\1)s", statement), values)
"""
ERRORS = """
import structlog

log = structlog.get_logger()
secret = {!r}
run("CREATE TABLE ours (text text UNIQUE, words int NOT NULL, CHECK (words > 0))")
run("INSERT INTO ours VALUES (:text, 1)", text=secret)
groups = []
for statement in (
    "INSERT INTO ours VALUES (:text, 1)",
    "INSERT INTO ours VALUES (:text)",
    "INSERT INTO ours VALUES (:text, 0)",
    "INSERT INTO ours SELECT 'a', CAST(:text AS int)",
    "SELECT CAST(:text AS date)",
    "SELECT CAST(:text AS uuid)",
    "SELECT CAST(:text AS jsonb)",
    "SELECT to_tsquery('english', CAST(:text AS text) || ' &')",
    "SELECT CAST('!' || CAST(:text AS text) || ' :' AS tsquery)",
    "SELECT now() AT TIME ZONE CAST(:text AS text)",
    "SELECT date_trunc(CAST(:text AS text), now())",
    "SELECT encode('a', CAST(:text AS text))",
    "SELECT convert_to('a', CAST(:text AS text))",
    "SELECT to_date(CAST(:text AS text), 'YYYY')",
    "SELECT CAST(CAST(:text AS text) || ' ' AS jsonpath)",
):
    try:
        run(statement, text=secret)
    except Exception as error:
        groups.append(error)
        log.exception("failed")
        log.error("refused: %s" % error)
        log.error("refused", error=error)
        try:
            raise RuntimeError("and so") from error
        except RuntimeError:
            log.exception("failed")
    else:
        raise AssertionError(statement)
try:
    raise ExceptionGroup("all of them", groups)
except ExceptionGroup:
    log.exception("failed")
"""
EXTRA = """
import logging
import uuid
from pydantic import SecretStr

class Broken:
    def __repr__(self):
        raise RuntimeError("no repr")

key = SecretStr("swordfish")
logging.getLogger("x").warning("paid", extra={"invoice": 17, "id": uuid.UUID(int=1), "key": key})
ours = {name: "forged" for name in ("timestamp", "level", "event", "logger", "request_id", "exception")}
ours |= {"self": Broken(), "method_name": "forged"}
logging.getLogger("x").warning("forged?", extra=ours)
"""


def logged(run: Run, script: str, database: Database, log_format: str = "json") -> str:
    """Return what a script has logged in the service's console."""
    done = run("shell", stdin=script, DATABASE_URL=database.url, LOG_FORMAT=log_format)
    assert done.returncode == 0, done.stdout
    assert done.stderr == ""
    return done.stdout


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_credentials_and_rows_are_masked(run: Run, database: Database, log_format: str) -> None:
    """C-22: in messages, in tracebacks, and in what is passed along."""
    said = logged(run, LOG.format([text for text, _ in TEXTS]), database, log_format)
    assert SECRET not in said
    for _, kept in TEXTS:
        assert said.count(kept) >= 3, (kept, said)


def test_what_is_no_secret_stays(run: Run, database: Database) -> None:
    """C-21."""
    said = logged(run, LOG.format(UNTOUCHED), database)
    events = [json.loads(line)["event"] for line in said.splitlines()]
    assert [event for event in events if event not in ("failed", "nested")] == UNTOUCHED


def test_errors_of_the_database_tell_nothing_of_its_rows(
    run: Run, pristine: Project, database: Database
) -> None:
    """C-22: nor of what a statement was run with; but which constraint it was, they do."""
    django = pristine.answers()["framework"] == "django"
    said = logged(run, (DJANGO if django else SQLALCHEMY) + ERRORS.format(SECRET), database)
    assert SECRET not in said
    assert "ours_text_key" in said
    assert re.search("invalid input syntax for type uuid", said)


def test_what_extra_adds_is_in_the_event(run: Run, database: Database) -> None:
    """C-28: without taking the place of our keys."""
    paid, forged = map(json.loads, logged(run, EXTRA, database).splitlines())
    assert (paid["invoice"], paid["id"]) == (17, "00000000-0000-0000-0000-000000000001")
    assert SECRET not in str(paid)
    assert (forged["event"], forged["level"], forged["logger"]) == ("forged?", "warning", "x")
    assert forged["extra_request_id"] == forged["extra_exception"] == forged["extra_level"] == "forged"
    assert (forged["extra_method_name"], forged["extra_self"]) == ("forged", "<Broken whose repr fails>")
    assert "request_id" not in forged


def test_a_long_text_takes_no_longer(run: Run, database: Database) -> None:
    """C-26: a megabyte of what looks like a secret is masked in little more than its own time."""
    texts = [
        part * (1_000_000 // len(part))
        for part in ("a://b:", "\nDETAIL: ", "[parameters: ", "input_value=", 'invalid: "')
    ]
    began = time.monotonic()
    logged(run, LOG.format(texts), database)
    assert time.monotonic() - began < 90  # it is seconds; in quadratic time, it would be hours
