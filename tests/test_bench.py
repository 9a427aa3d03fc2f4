"""`nox -s bench` measures, and stores the results."""

import json
import subprocess
import sys
from pathlib import Path

from tests.bench.report import summary
from tests.support.template import ROOT


def test_a_short_run_is_written_down(tmp_path: Path) -> None:
    quick = ("hello", "--framework=fastapi", "--rounds=1", "--seconds=0.2", f"--write={tmp_path}")
    command = [sys.executable, "-m", "tests.bench", *quick]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=170)
    assert done.returncode == 0, done.stderr
    figures = json.loads((tmp_path / "bench.json").read_text())
    rows = {row["name"]: row for row in figures["rows"]}
    assert rows["requests, against bare"]["ours"] > 0
    assert rows["requests, against bare"]["spread"] == [rows["requests, against bare"]["ratio"]] * 2
    page = (tmp_path / "bench.md").read_text()
    assert all(f"| {name} |" in page for name in rows)
    assert figures["machine"]["processor"] in page
    assert "fastapi: boot" in (tmp_path / "bench.svg").read_text()


def test_the_readme_tells_what_was_measured() -> None:
    """`nox -s bench -- --write docs` writes the results. The table in README.md has the same figures."""
    figures = json.loads((ROOT / "docs" / "bench.json").read_text())
    assert summary(figures) in (ROOT / "README.md").read_text()
