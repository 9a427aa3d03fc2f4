"""The corpus of updates counts correctly: a short run of `nox -s updates`, and lost edits."""

from pathlib import Path

import pytest

from tests.support.project import Project
from tests.support.template import releases
from tests.updates import page
from tests.updates.__main__ import main
from tests.updates.cases import Case, bundles
from tests.updates.edits import EDITS, STYLES, lost
from tests.updates.play import Outcome, readable, stale


def test_a_sample_of_one(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The run starts from the newest release, and edits three files."""
    edits = [option for name in ("route", "section", "reports") for option in ("--edit", name)]
    where = ["--service", "fastapi-plain", "--manager", "pip", "--release", list(releases())[-1]]
    written = tmp_path / "updates.md"
    status = main([*where, *edits, "--sample", "1", "--jobs", "1", "--write", str(written)])
    printed = capsys.readouterr().out
    assert status == 0, printed
    assert "1 updates of 1 services, with 3 edits." in printed
    assert "| All | 3 | 3 | 0 | 0 |" in printed
    assert printed.partition("It took")[0].strip() in written.read_text()


def test_what_is_lost_is_seen(tmp_path: Path) -> None:
    """An edit counts as lost if its line, file or deletion does not survive, whatever the line's style."""
    project = Project(tmp_path)
    code = tmp_path / "a.py"
    code.write_text("x = call(\n    'a',\n    1,\n)\n")
    assert not lost(project, {"a.py": ['x = call("a", 1)'], "b.py": None})
    assert lost(project, {"a.py": ["y = 1"]}) == ["a.py: y = 1"]
    assert lost(project, {"b.py": ["y = 1"]}) == ["b.py is gone"]
    assert lost(project, {"a.py": None}) == ["a.py is back"]


def test_what_cannot_be_read_is_seen(tmp_path: Path) -> None:
    for name, text in {
        "a.py": "x = (",
        "a.toml": "[t",
        "a.json": "{",
        "a.yml": "a: [",
        "b.yml": "a: 1",
    }.items():
        (tmp_path / name).write_text(text)
    assert list(readable(Project(tmp_path))) == ["b.yml"]


def test_what_is_stale_is_seen() -> None:
    before = {"a.py": "one\ntwo\nthree\n", "gone.py": "one\n"}
    ours = {"a.py": "one\ntwo\nthree\nours\n", "gone.py": "one\n"}
    fresh = {"a.py": "one\nthree\nfour\n"}
    assert not list(stale(before, ours, {"a.py": "one\nthree\nfour\nours\n"}, fresh, []))
    assert list(stale(before, ours, {"a.py": "one\ntwo\nfour\n", "gone.py": "one\n"}, fresh, [])) == [
        "a.py: two",
        "gone.py should have gone",
    ]


def test_the_tables_count() -> None:
    case = Case("fastapi", "1.0.0", "uv", ("route", "section"))
    torn = Outcome(case, {"route": ["routes.py"], "section": ["README.md"]}, ["routes.py", "Procfile"])
    bare = Outcome(case, {"route": ["routes.py"]}, lost={"route": ["routes.py is gone"]})
    table = page.by_edit([torn, bare])
    assert f"| {EDITS['route'].about} | 2 | 0 | 1 | 1 |" in table
    assert f"| {EDITS['section'].about} | 1 | 1 | 0 | 0 |" in table
    assert page.by([torn, bare], "From", lambda each: each.case.release).endswith(
        "| 1.0.0 | 2 | 0 | 1 | 1 | 0 | 0 | 0 |\n"
    )
    assert page.findings([torn, bare]) == [
        "fastapi 1.0.0 uv: route, section: conflict in Procfile, which no edit touched",
        "fastapi 1.0.0 uv: route, section: lost route: routes.py is gone",
    ]


def test_edits_that_share_an_update_touch_different_files() -> None:
    shared = bundles(list(EDITS), "1", alone=False)
    assert sorted(name for bundle in shared for name in bundle) == sorted(EDITS.keys() - {*STYLES})
    for bundle in shared:
        for name in bundle:
            assert not [other for other in bundle if other != name and EDITS[name].clashes(EDITS[other])]
