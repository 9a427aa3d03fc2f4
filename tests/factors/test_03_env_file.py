"""III. Config: what development reads from `.env` (C-5)."""

import json
import re
import subprocess
from pathlib import Path

from tests.support.project import Project

# A line, and the value of X in it, as `docker compose` has it too unless the comment says otherwise.
LINES = [
    ("X=1", "1"),
    ("export X=1", "1"),
    ("  export   X = 1  ", "1"),
    ("X=", ""),
    ('X=""', ""),
    ("X=pa#word", "pa#word"),
    ("X=a # comment", "a"),
    ("X=a\t# comment", "a"),
    ('X="a # b" # comment', "a # b"),
    ("X='a # b' # comment", "a # b"),
    ("X=https://a.com/?b=1#c", "https://a.com/?b=1#c"),
    ("X=a=b=c", "a=b=c"),
    ("X=a b  c ", "a b  c"),
    ("X=it's", "it's"),
    (r"X='it\'s'", "it's"),
    (r'X="a\"b\\c\nd"', 'a"b\\c\nd'),
    (r"X='a\nb'", r"a\nb"),
    ('X="two\nlines"', "two\nlines"),
    ("X='$2b$12$abc'", "$2b$12$abc"),
    ("X='${NAME}'", "${NAME}"),
    ("NAME=a\nX=${NAME}b", "ab"),
    ('NAME=a\nX="${NAME}b"', "ab"),
    ("X=${NOBODY:-a}", "a"),
    ("X=pa$word", "pa$word"),  # Compose expands this
    ('X={"a": 1, "b": [1, "x"]}', '{"a": 1, "b": [1, "x"]}'),
    ("""X='{"a": "${b}"}'""", '{"a": "${b}"}'),
    ("# X=2\nX=1", "1"),
    ("X='1'\nX=2", "2"),
    ("X=1\r\nY=2\r\n", "1"),
    ("X", None),
]


# A text that cannot be read, and the line that is named.
WRONG = [("X=1\nY='a\nZ=2", 2), ("=x", 1), ("X=1\n\nnot a name", 3), ("X='a'b", 1)]

PROBE = """
import json, sys
from dev.environment import parse
for line in sys.stdin:
    try:
        print(json.dumps(parse(json.loads(line)).get("X")))
    except ValueError as error:
        print(json.dumps(f"{error}"))
"""


def test_a_line_is_read_as_compose_reads_it(pristine: Project, development: Path) -> None:
    """C-5: one file for both, whatever a value is made of."""
    given = [text for text, _ in [*LINES, *WRONG]]
    done = subprocess.run(
        [str(development / "bin" / "python"), "-c", PROBE],
        cwd=pristine.path,
        env={},
        input="".join(f"{json.dumps(text)}\n" for text in given),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert list(zip(given, answers, strict=True))[: len(LINES)] == LINES
    for (text, number), answer in zip(WRONG, answers[len(LINES) :], strict=True):
        assert answer.startswith(f", line {number}: "), (text, answer)


def test_a_file_that_cannot_be_read_is_one_line(copied: Project, development: Path) -> None:
    """With the file and the line."""
    (copied.path / ".env").write_text("A=1\nX='a")
    done = subprocess.run(
        [str(development / "bin" / "python"), "-m", "dev", "run", "true"],
        cwd=copied.path,
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert re.fullmatch(r"\.env, line 2: .*\n", done.stderr)
