"""The launcher, `slipway`: it finds its own template, says what it does, and fails with one line."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from copier.errors import UserMessageError

import slipway.new
from slipway.cli import main
from slipway.source import Template
from slipway.source import template as named_by

URL = "https://git.example.com/team/slipway"


@pytest.mark.parametrize(
    ("direct_url", "expected"),
    [
        ({"url": URL, "vcs_info": {"vcs": "git"}}, Template(f"git+{URL}")),
        ({"url": f"{URL}.git", "vcs_info": {"vcs": "git"}}, Template(f"{URL}.git")),
        (
            {"url": "https://github.com/a/b", "vcs_info": {"vcs": "git", "requested_revision": "1.0.0"}},
            Template("https://github.com/a/b", "1.0.0"),
        ),
    ],
)
def test_an_address_is_as_copier_takes_it(direct_url: dict[str, object], expected: Template) -> None:
    assert named_by(direct_url) == expected


@pytest.mark.parametrize("lacks", [".git", "copier.yml"])
def test_a_folder_that_is_no_clone_is_refused_unread(tmp_path: Path, lacks: str) -> None:
    """An example is the folder that contains the clone: copier would copy all of it."""
    for name in {".git", "copier.yml"} - {lacks}:
        (tmp_path / name).touch()
    with pytest.raises(
        UserMessageError, match=f"is not a clone of the template: it has no {re.escape(lacks)}"
    ):
        named_by({"url": tmp_path.as_uri(), "dir_info": {}})


def test_a_launcher_from_elsewhere_says_how_to_start_it(capsys: pytest.CaptureFixture[str]) -> None:
    """The launcher in this test is not installed at all."""
    assert main(["new", "orders"]) == 1
    assert "Start it with `uvx --from git+ADDRESS slipway`" in capsys.readouterr().err


def test_a_service_is_launched_with_one_command(template: Path, tmp_path: Path) -> None:
    """uvx runs it from a clone, with only the dependencies that it declares."""
    command = ["uvx", "--quiet", "--from", str(template), "slipway", "new", "--defaults", "my shop"]
    environment = os.environ | {"UV_PYTHON": sys.executable}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    assert lines[1:3] == ["Writing my shop", "Completing the lock file"]
    assert re.fullmatch(
        r"Made my shop: \d+ files, with fastapi, postgres, uv, github, heroku, docker\.", lines[3]
    )
    assert sum(line.startswith("  uv run python -m dev") for line in lines) == 1
    assert not [line for line in lines if re.search("identical|create|task", line)]
    assert len(lines) <= 10
    assert f"_src_path: {template}\n" in (tmp_path / "my shop" / ".copier-answers.yml").read_text()
    assert 'source = { registry = "pins" }' not in (tmp_path / "my shop" / "uv.lock").read_text()


@pytest.fixture
def ours(template: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the template, as if the launcher had been installed from it."""
    monkeypatch.setattr(slipway.new, "own", lambda: Template(str(template)))
    return template


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--version=0.0.99", "orders"], "{template} has no version '0.0.99'."),
        (["--data=nosuch=1", "orders"], "nosuch is not a question of this template."),
        (["--data=package=json", "orders"], "package is a standard library module."),
        (["full"], "Cannot launch into full: it is not empty."),
        (
            ["{template}/orders"],
            "{template}/orders is inside the template's clone: choose a folder outside, such as ../orders.",
        ),
    ],
)
def test_a_mistake_is_one_line(
    ours: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    arguments: list[str],
    expected: str,
) -> None:
    """The launcher writes nothing."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").touch()
    given = [each.format(template=ours) for each in arguments]
    assert main(["new", "--defaults", *given]) == 1
    assert capfd.readouterr().err.splitlines()[-1] == expected.format(template=ours)
    assert [path.name for path in tmp_path.iterdir()] == ["full"]


def test_an_unreachable_template_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    gone = (tmp_path / "gone.git").as_uri()
    monkeypatch.setattr(slipway.new, "own", lambda: Template(gone))
    monkeypatch.setenv("COPIER_CACHE_DIR", str(tmp_path / "cache"))
    assert main(["new", "--defaults", str(tmp_path / "orders")]) == 1
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith(f"{gone} cannot be read: ")
    assert "does not" in line
