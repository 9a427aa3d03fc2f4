"""Bad input on the command line: copier prints one clear line, exits with status 1, and writes nothing."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import copier
import pytest
import yaml
from copier.errors import UserMessageError

from tests.support.git import commit_all, git
from tests.support.project import render, run_uv

WITHOUT_EXTENSION_PACKAGE = (
    "import sys; sys.modules['copier_template_extensions'] = None; import copier.__main__"
)


def run_copier(*arguments: str, cwd: Path | None = None, wrap: tuple[str, ...] = ()) -> tuple[int, list[str]]:
    """Return the exit status, and the lines that copier prints to both streams."""
    command = [*wrap, sys.executable, "-m", "copier", *arguments]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    return done.returncode, (done.stdout + done.stderr).strip().splitlines()


def tree(folder: Path) -> dict[str, bytes]:
    """Return the content of every file in a folder."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.mark.parametrize(
    ("data", "line"),
    [
        ("nosuch=1", "nosuch is not a question of this template."),
        ("framework=rails", "framework must be one of: fastapi, litestar, flask, django."),
        ("package_manager=poetry", "package_manager must be one of: uv, pip."),
        ("python_version=3.11", "python_version must be one of: 3.12, 3.13, 3.14."),
        ("license=GPL", "license must be one of: none, MIT, Apache-2.0."),
        ("platforms=fly", "platforms must be a list, such as [heroku, docker, kubernetes, fly, render]."),
        (
            "platforms=[heroku, 1]",
            "platforms must be a list, such as [heroku, docker, kubernetes, fly, render].",
        ),
        ("platforms=[", "platforms must be a list, such as [heroku, docker, kubernetes, fly, render]."),
        ("platforms=[heroku, azure]", "platforms must be some of: heroku, docker, kubernetes, fly, render."),
        ("platforms=[fly]", "platforms has fly, which needs docker."),
        ("clock=maybe", "clock must be true or false."),
        ("ci=jenkins", "ci must be one of: none, github, gitlab."),
        ("package=json", "package is a standard library module."),
        ("project_slug=fastapi", "project_slug is a package the service needs."),
        ("project_name=", "project_name is empty."),
        ("description=two\nlines", "description holds U+000A, which is not text."),
        ("user_email=nobody", "user_email is not an e-mail address."),
        (f"project_name={'x' * 300}", "project_name is 300 columns wide; at most 60."),
    ],
    ids=lambda value: value.split("=")[0] if "=" in value else "",
)
def test_a_bad_answer_is_one_line(data: str, line: str, template: Path, tmp_path: Path) -> None:
    key, _, value = data.partition("=")
    with pytest.raises(UserMessageError) as refused:
        copier.run_copy(str(template), tmp_path / "new", data={key: value}, defaults=True, unsafe=True)
    assert refused.value.message.startswith(line.split("must be one of")[0])
    if "must be one of" not in line:  # the list of frameworks may grow
        assert refused.value.message == line
    assert "\n" not in refused.value.message
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("queue", "line"),
    [
        ("none", "clock enqueues jobs: choose a queue too."),
        (
            "procrastinate",
            "clock is not needed: procrastinate's workers enqueue periodic jobs themselves.",
        ),
    ],
)
def test_a_clock_that_has_nothing_to_do_is_refused(
    queue: str, line: str, template: Path, tmp_path: Path
) -> None:
    answers = {"queue": queue, "clock": "true"}
    with pytest.raises(UserMessageError) as refused:
        copier.run_copy(str(template), tmp_path / "new", data=answers, defaults=True, unsafe=True)
    assert refused.value.message == line
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("data", ["nosuch=1", "framework=rails", "package=json"])
def test_copier_prints_that_line_and_nothing_else(data: str, template: Path, tmp_path: Path) -> None:
    status, lines = run_copier(
        "copy", "--trust", "--defaults", "-d", data, str(template), str(tmp_path / "new")
    )
    assert status == 1
    assert len(lines) == 1, lines
    assert data.partition("=")[0] in lines[0]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", [["fastapi"], None, True])
def test_answers_of_a_data_file_are_text(value: object, template: Path, tmp_path: Path) -> None:
    answers = tmp_path / "answers.yml"
    answers.write_text(yaml.safe_dump({"framework": value}))
    status, lines = run_copier(
        "copy", "--trust", "--defaults", "--data-file", str(answers), str(template), str(tmp_path / "new")
    )
    assert (status, lines) == (1, ["framework must be text."])
    assert not (tmp_path / "new").exists()


def test_defaults_of_the_users_settings_are_checked_too(
    template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """copier reads defaults from the user's settings file, which is not specific to this template."""
    settings = tmp_path / "settings.yml"
    settings.write_text("defaults: {framework: rails}")
    monkeypatch.setenv("COPIER_SETTINGS_PATH", str(settings))
    status, lines = run_copier(
        "copy", "--quiet", "--trust", "--defaults", str(template), str(tmp_path / "new")
    )
    assert status == 1
    assert len(lines) == 1, lines
    assert not (tmp_path / "new").exists()


def test_a_folder_with_files_is_left_alone(template: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    status, lines = run_copier("copy", "--trust", "--defaults", str(template), str(tmp_path))
    assert (status, lines) == (1, [f"Cannot launch into {tmp_path}: it is not empty."])
    assert tree(tmp_path) == {"mine.txt": b"mine"}


def test_a_fresh_git_repository_counts_as_empty(template: Path, tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    render(template, tmp_path, {}, skip_tasks=True)
    assert (tmp_path / "pyproject.toml").exists()


def test_files_may_be_overwritten_on_demand(template: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    render(template, tmp_path, {}, skip_tasks=True, overwrite=True)
    assert (tmp_path / "mine.txt").read_text() == "mine"
    assert (tmp_path / "pyproject.toml").exists()


@pytest.mark.parametrize("where", ["file", "file/under/it"])
def test_a_file_is_no_folder(where: str, template: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    target = tmp_path / where
    status, lines = run_copier("copy", "--trust", "--defaults", str(template), str(target))
    assert (status, lines) == (1, [f"Cannot launch into {target}: {tmp_path / 'file'} is a file."])
    assert tree(tmp_path) == {"file": b"mine"}


def test_a_read_only_target_is_one_line(template: Path, tmp_path: Path) -> None:
    """Permissions do not stop root, but a read-only mount does, so copier runs in a namespace with one."""
    parent = tmp_path / "parent"
    parent.mkdir()
    wrap: tuple[str, ...] = ()
    if os.geteuid() == 0:
        if not shutil.which("unshare"):
            pytest.skip("root can write everywhere, and there is no unshare(1) to mount read-only")
        mount = f'mount --bind {parent} {parent} && mount -o remount,bind,ro {parent} && exec "$@"'
        wrap = ("unshare", "--mount", "sh", "-c", mount, "sh")
    else:
        parent.chmod(0o555)
    status, lines = run_copier("copy", "--trust", "--defaults", str(template), str(parent / "new"), wrap=wrap)
    assert status == 1
    assert len(lines) == 1, lines
    assert lines[0].startswith(f"Cannot launch into {parent / 'new'}: ")
    assert list(parent.iterdir()) == []


def test_a_path_that_cannot_be_made_is_one_line(template: Path) -> None:
    status, lines = run_copier("copy", "--trust", "--defaults", str(template), "/proc/new")
    assert status == 1
    assert len(lines) == 1, lines
    assert lines[0].startswith("Cannot launch into /proc/new: ")


def test_spaces_and_unicode_in_the_path_are_no_bad_input(template: Path, tmp_path: Path) -> None:
    target = tmp_path / "Größe 注文 's $HOME"
    status, _ = run_copier("copy", "--trust", "--defaults", str(template), str(target))
    assert status == 0
    run_uv(target, "lock", "--check", "--python", sys.executable)
    answers = yaml.safe_load((target / ".copier-answers.yml").read_text("utf-8"))
    assert answers["project_name"] == "Größe 注文 's $HOME"
    assert answers["package"] == "grosse_s_home"
    assert answers["_commit"] == "999.0.0"


def test_without_trust_copier_says_what_to_add(template: Path, tmp_path: Path) -> None:
    status, lines = run_copier("copy", "--defaults", str(template), str(tmp_path / "new"))
    assert status == 4
    assert "`--trust`" in " ".join(lines)
    assert list(tmp_path.iterdir()) == []


def test_without_the_extension_package_copier_says_what_to_install(template: Path, tmp_path: Path) -> None:
    arguments = ["copy", "--trust", "--defaults", str(template), str(tmp_path / "new")]
    code = f"{WITHOUT_EXTENSION_PACKAGE} as main; main.CopierApp.run(['copier', *sys.argv[1:]])"
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True)
    assert done.returncode == 1
    assert "copier_template_extensions" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def project(template: Path, tmp_path: Path) -> Path:
    """Return a service that was launched from an older version of the template and committed."""
    older, service = tmp_path / "older", tmp_path / "service"
    shutil.copytree(template, older)
    git(older, "tag", "1.0.0")
    render(older, service, {}, skip_tasks=True, vcs_ref="1.0.0")
    commit_all(service, "Launch")
    return service


def test_a_bad_answer_to_an_update_changes_nothing(project: Path) -> None:
    status, lines = run_copier("update", "--trust", "--defaults", "-d", "nosuch=1", cwd=project)
    assert (status, lines) == (1, ["nosuch is not a question of this template."])
    assert git(project, "status", "--porcelain") == ""


def test_an_answers_file_edited_by_hand_is_checked(project: Path) -> None:
    answers = project / ".copier-answers.yml"
    stored = answers.read_text("utf-8").replace("package: order_desk", "package: json")
    answers.write_text(stored, "utf-8")
    commit_all(project, "Another name")
    status, lines = run_copier("update", "--quiet", "--trust", "--defaults", cwd=project)
    assert (status, lines) == (1, ["package is a standard library module."])
    assert git(project, "status", "--porcelain") == ""


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ('"yaml"', '"order_desk"', "package is a module the service needs."),
        ("LONGEST_NAME = 60", "LONGEST_NAME = 9", "project_name is 10 columns wide; at most 9."),
    ],
    ids=["package", "project_name"],
)
def test_what_a_later_version_refuses_is_never_replaced_in_silence(
    old: str, new: str, line: str, project: Path, tmp_path: Path
) -> None:
    """copier itself would use the default instead, and so add another package next to the old one."""
    newer = tmp_path / "older"
    for file in (newer / "pins" / "pins.json", newer / "extensions" / "names.py"):
        file.write_text(file.read_text("utf-8").replace(old, new), "utf-8")
    commit_all(newer, "Stricter", tag="1000.0.0")
    status, lines = run_copier("update", "--quiet", "--trust", "--defaults", cwd=project)
    assert (status, lines) == (1, [line])
    assert git(project, "status", "--porcelain") == ""
