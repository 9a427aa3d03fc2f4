"""Locks as text: which entries are raised, and which stay as the user has them."""

import tomllib

import pytest

from tasks import requirements, uv, uvlock


def entry(name: str, version: str, source: str = '{ registry = "somewhere" }') -> str:
    """Return an entry of a uv.lock."""
    return f'[[package]]\nname = "{name}"\nversion = "{version}"\nsource = {source}\n'


def test_entries_of_a_lock_that_are_not_ours_to_raise_stay() -> None:
    ours = 'version = 1\n\n[options]\nexclude-newer = "2026-01-01T00:00:00Z"\n'
    entries = [
        entry("forked", "1"),
        entry("forked", "2"),
        entry("from-git", "1", '{ git = "somewhere" }'),
        entry("newer", "3.0"),
        entry("of-the-user", "1"),
        entry("older", "1.9"),
        entry("service", "0.1.0", '{ virtual = "." }'),
    ]
    lock = "\n".join([ours, *entries])
    wanted = dict.fromkeys(("forked", "from-git", "newer", "older", "absent"), "2.0")
    older, raised = uvlock.raised(lock, wanted)
    assert older == ["older"]
    assert raised == "\n".join(
        [ours, *entries[:5], uvlock.seed("absent", "2.0"), uvlock.seed("older", "2.0")]
    )
    assert tomllib.loads(raised)


def test_a_lock_at_its_pins_is_returned_as_it_is() -> None:
    lock = "version = 1\n\n" + entry("same", "2.0") + "\n" + entry("service", "0.1.0", '{ virtual = "." }')
    assert uvlock.raised(lock, {"same": "2.0"}) == ([], lock)


def test_versions_are_compared_as_versions() -> None:
    lock = "version = 1\n\n" + entry("a", "1.10")
    assert uvlock.raised(lock, {"a": "1.9"})[0] == []
    assert requirements.raised("a==1.10\n", ["a==1.9"]) == "a==1.10\n"


def test_requirements_take_what_is_missing_and_not_what_is_included() -> None:
    resolved, base = ["a==1", "b==2", "c==1"], "a==2\n"
    fitted = requirements.fitted("-r base\nb==3\nown==1\n", resolved, base)
    assert fitted == "-r base\nb==2\nown==1\n"
    assert requirements.completed(fitted, resolved, base) == "-r base\nb==2\nown==1\nc==1\n"


def test_a_cap_of_the_manifest_is_kept() -> None:
    caps = requirements.caps(["B_b[x]<2", "c", "b-b != 1.5 ; python_version < '4'"])
    text = "a==1\nb-b==1.2\nc==1\n"
    assert requirements.raised(text, ["a==2", "b-b==2", "c==2"], caps) == "a==2\nb-b==1.2\nc==2\n"
    assert requirements.raised(text, ["b-b==1.4"], caps) == "a==1\nb-b==1.4\nc==1\n"


def test_two_files_never_pin_a_name_twice_differently() -> None:
    """If the user has compiled one file again, its versions may be newer. pip refuses two versions."""
    assert requirements.raised("-r base\na==1\n", ["a==2"], base="a==3\n") == "-r base\na==3\n"


@pytest.mark.parametrize(
    ("text", "lacking"),
    [
        ("a==1\nb==2\n", []),
        ("a==1\n", ["b"]),
        ("A==1\nb[x]==3 \\\n    --hash=sha256:0\n", ["b"]),
        ("b==2\na @ git+somewhere\n", []),
    ],
)
def test_requirements_lack_what_the_manifest_names(text: str, lacking: list[str]) -> None:
    assert requirements.lacking(text, ["a", "b<3", "gone ; python_version < '3'"]) == lacking


def test_requirements_keep_extras_comments_and_what_is_no_pin() -> None:
    old = "A_b[x]==1 ; python_version < '4' \\\n    --hash=sha256:0\n"
    text = f"# top\n--index-url somewhere\n{old}    # via z\nc>=1\n"
    expected = "# top\n--index-url somewhere\na-b==2 \\\n    --hash=sha256:1\n    # via z\nc>=1\n"
    assert requirements.raised(text, ["a-b==2 \\\n    --hash=sha256:1"]) == expected


@pytest.mark.parametrize(
    ("stderr", "line"),
    [
        ("error: Failed to parse: `pyproject.toml`\n  Caused by: x\n", "Failed to parse: `pyproject.toml`"),
        ("Using CPython 3.13\n  \u00d7 No solution found:\n  and so on", "\u00d7 No solution found:"),
        ("", "uv said nothing"),
    ],
)
def test_uv_is_quoted_in_one_line(stderr: str, line: str) -> None:
    assert uv.first_error(stderr) == line


def test_the_versions_of_a_lock_are_those_from_an_index() -> None:
    lock = "\n".join(["version = 1\n", entry("a", "1"), entry("service", "0.1.0", '{ virtual = "." }')])
    assert uvlock.versions(lock) == {("a", "1")}
    assert uvlock.versions("version = 1\n") == set()
