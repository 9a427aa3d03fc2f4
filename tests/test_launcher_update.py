"""`slipway status` and `slipway update`: previews, reports, and restoration after a failure."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

import slipway.service
from slipway.cli import main
from slipway.source import Template
from tests.support.git import commit_all, git
from tests.support.project import Project, once, render
from tests.support.template import HEAD, ROOT

NEXT, ENDLESS = "999.1.0", "999.2.0"  # the next release, and one whose update does not finish


def release(to: Path, version: str) -> None:
    log = to / "CHANGELOG.md"
    text = log.read_text().replace(
        "\n## ", f"\n## {version} - today\n\n- Flask: not ours.\n- All of {version}.\n\n## ", 1
    )
    log.write_text(text)
    commit_all(to, f"Release {version}", tag=version)


@pytest.fixture(scope="module")
def source(shared: Path, template: Path) -> Path:
    """Return the template with two later releases."""

    def make(to: Path) -> None:
        shutil.copytree(template, to)
        readme = to / "template" / "README.md.jinja"
        readme.write_text(readme.read_text().replace("## Layout", "## The layout"))
        (to / "template" / "NEW.md").write_text("New.\n")
        release(to, NEXT)
        questions = to / "copier.yml"
        wait = (
            '_migrations:\n  - command: ["{{ _copier_python }}", "-c", "import time; time.sleep(60)"]\n'
            "    when: \"{{ _stage == 'after' }}\"\n"
        )
        questions.write_text(questions.read_text().replace("_migrations:\n", wait))
        release(to, ENDLESS)

    return once(shared / "launcher-template", make)


@pytest.fixture
def newest(source: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Make that template the launcher's own, and NEXT its newest release."""
    monkeypatch.setattr(slipway.service, "own", lambda: Template(str(source)))
    monkeypatch.setattr(slipway.service, "newest", lambda _: NEXT)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return NEXT


@pytest.fixture(scope="module")
def launched(source: Path, shared: Path) -> Path:
    """Return a service that was launched from HEAD. A test must not change it."""

    def make(to: Path) -> None:
        render(source, to, {"package_manager": "pip"}, vcs_ref=HEAD, skip_tasks=True)
        commit_all(to, "Launch")

    return once(shared / "launcher-service", make)


def grown(launched: Path, to: Path, edit: str = "") -> Project:
    """Return a copy of the service. If an edit is given, make it: it conflicts with NEXT."""
    project = Project(Path(shutil.copytree(launched, to)))
    if edit:
        readme = project.path / "README.md"
        readme.write_text(readme.read_text().replace("## Layout", edit))
        (project.package / "runtime" / "drain.py").open("a").write("\n# Ours.\n")
        commit_all(project.path, "Ours")
    return project


def state(project: Project) -> tuple[str, ...]:
    """Return the state that a failed update must not change."""
    asked = (("status", "--porcelain"), ("branch", "--list"), ("rev-parse", "HEAD"), ("stash", "list"))
    return tuple(git(project.path, *each) for each in asked)


def test_status_says_what_is_behind_and_edited(
    newest: str, launched: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = grown(launched, tmp_path / "orders", "## Where things are")
    assert main(["status", str(project.path), str(tmp_path)]) == 1
    printed = capsys.readouterr()
    assert printed.out.splitlines() == [
        f"orders: {HEAD}, {newest} is available.",
        "",
        f"{newest} - today",
        "",
        f"- All of {newest}.",
        "",
        f"  Edited, among the template's files: {project.name}/runtime/drain.py.",
        "  Edited, among your own files: README.md.",
    ]
    assert printed.err == f"{tmp_path} is not a Slipway service: it has no .copier-answers.yml.\n"


def test_a_preview_names_every_file_and_writes_none(
    newest: str, launched: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = grown(launched, tmp_path / "orders", "## Where things are")
    before = state(project)
    assert main(["update", "--preview", str(project.path), "-d", "queue=dramatiq"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"orders: {HEAD} to {newest}. Nothing has been written."
    package = project.name
    for line in (
        "  new       NEW.md",
        f"  new       {package}/jobs.py",
        "  clean     Procfile",
        "  conflict  README.md",
        "    yours:    ## Where things are",
        "    template: ## The layout",
        f"New migrations, which `release` would run: {package}/migrations/versions/0002_outbox.py.",
    ):
        assert line in lines
    assert state(project) == before
    assert not (project.path / "NEW.md").exists()


def test_a_fleet_is_updated_side_by_side(
    newest: str,
    launched: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Each service gets a branch, a table comes last, and a service that cannot be updated loses nothing."""
    monkeypatch.chdir(tmp_path)
    clean, conflicting = grown(launched, Path("clean")), grown(launched, Path("conflicting"), "## Mine")
    failing, dirty, foreign = (grown(launched, Path(name)) for name in ("failing", "dirty", "foreign"))
    (failing.path / "dev" / "check.py").write_text("")
    (failing.path / "dev" / "__main__.py").write_text("raise SystemExit('it fails')\n")
    (failing.path / ".venv" / "bin").mkdir(parents=True)
    (failing.path / ".venv" / "bin" / "python").symlink_to(sys.executable)
    commit_all(failing.path, "Ours")
    (dirty.path / "draft.md").touch()
    answers = foreign.path / ".copier-answers.yml"
    stored = {**yaml.safe_load(answers.read_text()), "_src_path": "git+https://git.example.com/evil"}
    answers.write_text(yaml.safe_dump(stored))
    commit_all(foreign.path, "Theirs")
    before = state(conflicting), state(dirty)

    names = ["clean", "conflicting", "failing", "dirty", "foreign"]
    assert main(["update", *names]) == 1
    printed = capfd.readouterr()
    rows = {line.split()[0]: " ".join(line.split()) for line in printed.out.splitlines()}
    assert rows["clean"] == f"clean {HEAD} to {newest} clean not checked"
    assert rows["conflicting"] == f"conflicting {HEAD} to {newest} conflicts README.md"
    assert rows["failing"] == f"failing {HEAD} to {newest} checks failed `.venv/bin/python -m dev check`"
    assert "has uncommitted changes" in rows["dirty"]
    assert "this launcher trusts" in rows["foreign"]
    assert sum(line.startswith("[") for line in printed.err.splitlines()) == 3 + 1
    for project in (clean, failing):
        assert git(project.path, "branch", "--show-current") == f"slipway-{newest}\n"
        assert git(project.path, "status", "--porcelain") == ""
        assert (project.path / "NEW.md").exists()
    assert git(conflicting.path, "status", "--porcelain", "README.md").startswith("UU ")
    assert state(dirty) == before[1]

    assert main(["update", "conflicting"]) == 1
    assert "undo it with `slipway update --abort conflicting`" in capfd.readouterr().out.replace(
        str(tmp_path) + "/", ""
    )
    assert main(["update", "--abort", "conflicting"]) == 0
    assert state(conflicting) == before[0]
    assert main(["update", "clean"]) == 0
    assert capfd.readouterr().out.split() == ["clean", newest, "up", "to", "date", newest]


def test_an_update_that_is_stopped_leaves_everything_as_it_was(
    source: Path, launched: Path, tmp_path: Path
) -> None:
    """The stop comes during copier's last step, when all files are written."""
    project = grown(launched, tmp_path / "orders")
    before = state(project)
    start = (
        "import sys, slipway.service as service; from slipway.source import Template; "
        "from slipway.cli import main; ours = Template(sys.argv.pop(1)); service.own = lambda: ours; "
        "sys.exit(main())"
    )
    command = [sys.executable, "-c", start, str(source), "update", f"--version={ENDLESS}", str(project.path)]
    process = subprocess.Popen(
        command,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not (project.path / "NEW.md").exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert git(project.path, "branch", "--show-current") == f"slipway-{ENDLESS}\n"
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=30)
    assert process.returncode == 1
    assert errors == "Stopping: unfinished updates are undone.\n"
    assert "failed  Stopped." in output
    assert state(project) == before


@pytest.mark.usefixtures("newest")
def test_an_unknown_version_leaves_everything_as_it_was(
    source: Path, launched: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = grown(launched, tmp_path / "orders")
    before = state(project)
    assert main(["update", "--version=5.0.0", str(project.path)]) == 1
    assert f"{source} has no version '5.0.0'." in capsys.readouterr().out
    assert state(project) == before
    (project.path / ".copier-answers.yml").write_text("a: [\n")
    assert main(["status", str(project.path)]) == 1
    assert "is not YAML: line 2: " in capsys.readouterr().err
