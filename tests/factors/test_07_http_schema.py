"""VII. Port binding: the service's OpenAPI schema is true (C-13), as schemathesis finds."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Start
from tests.support.project import Project

pytestmark = [pytest.mark.asgi, pytest.mark.database]


def test_the_schema_is_true(start: Start, pristine: Project, tmp_path: Path) -> None:
    """C-13: all checks, with a seed; `SCHEMA_EXAMPLES=1000` tries more of each operation."""
    service = start(pristine, DOCS_ENABLED="true")
    litestar = pristine.answers()["framework"] == "litestar"
    schema = f"http://127.0.0.1:{service.port}{'/schema' if litestar else ''}/openapi.json"
    found = subprocess.run(
        [
            str(Path(sys.executable).with_name("schemathesis")),
            "run",
            schema,
            "--checks=all",
            "--seed=1",
            f"--max-examples={os.environ.get('SCHEMA_EXAMPLES', '20')}",
            "--generation-database=none",
            "--no-color",
        ],
        cwd=tmp_path,
        check=False,
        capture_output=True,
        text=True,
    )
    assert found.returncode == 0, found.stdout + found.stderr
    assert "No issues found" in found.stdout
    assert not [event for event in service.events if event["level"] in ("warning", "error", "critical")]
