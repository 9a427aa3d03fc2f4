"""`copier update` from every released version to the work tree: no edit is lost, and none conflicts."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.conftest import starting
from tests.support import variants
from tests.support.client import Connection, status
from tests.support.git import commit_all, git
from tests.support.postgres import Server
from tests.support.project import LOCKS, Project, environment, key, once, render, run_uv
from tests.support.project import update as run_update
from tests.support.template import HEAD, releases, with_releases

EARLIER = "998.0.0"  # the work tree's state as if it had been released and some files had then been changed
MANAGERS = variants.choices()["package_manager"]
VERSIONS = [*releases(), EARLIER]
# For tests that depend only on how far the update goes: the longest and the shortest one.
FROM_AFAR = pytest.mark.parametrize("version", [VERSIONS[0], EARLIER])
# Every version, with alternating package managers.
FROM_EACH = pytest.mark.parametrize(
    ("version", "manager"), [(version, MANAGERS[n % len(MANAGERS)]) for n, version in enumerate(VERSIONS)]
)


def edit(file: Path, old: str, new: str) -> None:
    """Replace the only match of a regular expression. The file's name may lack its suffix .jinja."""
    file = file if file.exists() else file.with_name(f"{file.name}.jinja")
    text, count = re.subn(old, new, file.read_text(), flags=re.MULTILINE)
    assert count == 1, f"{old!r} stands {count} times in {file}"
    file.write_text(text)


def source(template: Path, name: str) -> Path:
    """Return the template's file with that name, with or without the suffix .jinja."""
    path = template / "template" / name
    return path if path.exists() else path.with_name(f"{path.name}.jinja")


def earlier(template: Path) -> None:
    """Change the template's files to what they might have been a release ago.

    A setting and a file are missing, some files have other lines, and there is one more file. So an update
    has something to do even if no generated file has changed since the last release.
    """
    runtime = "{{ package }}/runtime"
    edit(
        source(template, f"{runtime}/config.py"),
        '^    https_only: .*\n    """.*"""\n',
        "    # No https_only yet.\n",
    )
    edit(
        template / "extensions" / "variables.py",
        r'^    Setting\(\n        "HTTPS_ONLY",\n(        .*\n)+    \),\n',
        "",
    )
    edit(source(template, "README.md"), r"^## Layout\n", "## Layout\n\nA sentence of an earlier release.\n")
    edit(source(template, "pyproject.toml"), "^line-length = .*", "line-length = 99 # of an earlier release")
    for name in ("drain.py", "http.py"):
        edit(source(template, f"{runtime}/{name}"), r"\Z", "\n# A line of an earlier release.\n")
    (template / "template" / runtime / "gone.py").write_text('"""A module of an earlier release."""\n')
    source(template, ".gitattributes").unlink()


@pytest.fixture(scope="session")
def released(shared: Path) -> Path:
    """Return the template with a tag for each release, for EARLIER, and for the work tree (HEAD)."""

    def make(to: Path) -> None:
        with_releases(to)
        git(to, "checkout", "--quiet", "-b", "earlier", f"{HEAD}~0")
        earlier(to)
        commit_all(to, "An earlier state", tag=EARLIER)
        git(to, "checkout", "--quiet", "-")

    return once(shared / "released", make)


@pytest.fixture
def launch(released: Path, shared: Path, tmp_path: Path) -> Callable[..., Project]:
    """Return a function that launches a service from a version of the template, as its user would."""

    def launched(version: str, manager: str, **answers: str) -> Project:
        asked = yaml.safe_load(git(released, "show", f"{version}:copier.yml"))
        known = {name: answer for name, answer in answers.items() if name in asked}
        given = {"package_manager": manager, **known}
        folder = shared / f"launched-{key(version, given)}" / "project"
        once(folder, lambda to: render(released, to, given, vcs_ref=version))
        project = Project(folder).copy(tmp_path / "project")
        commit_all(project.path, "Launch")
        return project

    return launched


type Fresh = Callable[..., Project]


@pytest.fixture
def fresh(released: Path, shared: Path) -> Fresh:
    """Return a function that renders a service's answers with the work tree's state, for comparison only."""

    def rendered(project: Project, *, skip_tasks: bool = True) -> Project:
        answers = {name: answer for name, answer in project.answers().items() if not name.startswith("_")}
        folder = shared / f"fresh-{key(answers, skip_tasks)}" / "project"
        return Project(
            once(folder, lambda to: render(released, to, answers, vcs_ref=HEAD, skip_tasks=skip_tasks))
        )

    return rendered


def update(project: Project, **data: str | list[str]) -> None:
    """Run `copier update --defaults --trust`, and assert that there is no conflict."""
    run_update(project.path, data)
    changes = git(project.path, "status", "--porcelain").splitlines()
    assert not [line for line in changes if re.match("U.|.U|AA|DD", line)]
    assert not [
        name for name, text in tree(project.path).items() if re.search("^(<<<<<<<|>>>>>>>)", text, re.M)
    ]
    assert not list(project.path.rglob("*.rej"))


def tree(where: Path) -> dict[str, str]:
    """Return the text of every file by its path, without the version in the answers."""
    paths = (path for path in where.rglob("*") if path.is_file() and ".git" not in path.parts)
    texts = {
        str(path.relative_to(where)): path.read_text() for path in paths if "__pycache__" not in path.parts
    }
    texts[".copier-answers.yml"] = re.sub(
        "^_commit: .*\n", "", texts[".copier-answers.yml"], flags=re.MULTILINE
    )
    return texts


@FROM_AFAR
def test_an_untouched_service_becomes_a_fresh_one(
    launch: Callable[[str, str], Project], fresh: Fresh, version: str
) -> None:
    """The files are identical to the last byte, locks included."""
    project = launch(version, "uv")
    before = tree(project.path)
    update(project)
    expected = tree(fresh(project, skip_tasks=False).path)
    assert tree(project.path) == expected
    assert before != expected or version != EARLIER, "this update had nothing to do, and proves nothing"


def edit_as_users_do(project: Project) -> None:
    """Make the edits of a typical user: a route, a setting, text."""
    project.append("routes.py", '\n\n@router.get("/mine")\nasync def mine() -> str:\n    return "mine"\n')
    project.append("settings.py", '    my_setting: str = "mine"\n    """Mine."""\n')
    with (project.path / ".env.example").open("a") as lines:
        lines.write("MY_SETTING=mine\n")
    readme = project.path / "README.md"
    edit(readme, r"^(\| `[A-Z0-9_]+` \| .*\n)(?!\| `)", r"\1| `MY_SETTING` | `mine` | Mine. |\n")
    readme.write_text(readme.read_text() + "\nWhat only we know.\n")


def add_process_type(project: Project) -> None:
    """Add a process type below the others, as users do."""
    with (project.path / "Procfile").open("a") as lines:
        lines.write(f"mine: python -m {project.name} check\n")


def add_dependency(project: Project, manager: str) -> None:
    """Add a dependency, with `uv add` or by hand."""
    if manager == "uv":
        run_uv(project.path, "add", "--quiet", "--no-sync", "iniconfig")
        return
    edit(project.path / "pyproject.toml", "^(  # Your own dependencies go below .*\n)", r'\1  "iniconfig",\n')
    with (project.path / "requirements.txt").open("a") as lines:
        lines.write(f"iniconfig==2.3.1 \\\n    --hash=sha256:{'0' * 64}\n")


def lines(project: Project) -> dict[str, list[str]]:
    """Return the sorted lines of each file, without the added dependency.

    Omit SECURITY.md and CODEOWNERS, which updates leave alone, and the locks, which they raise.
    """
    kept = {*LOCKS, "SECURITY.md", "CODEOWNERS"}
    texts = {name: text for name, text in tree(project.path).items() if name not in kept}
    return {
        name: sorted(line for line in text.splitlines() if line and "iniconfig" not in line)
        for name, text in texts.items()
    }


@FROM_EACH
def test_the_users_edits_are_kept(
    launch: Callable[[str, str], Project], fresh: Fresh, tmp_path: Path, version: str, manager: str
) -> None:
    """An edited service becomes the same as a fresh one with the same edits."""
    project = launch(version, manager)
    edit_as_users_do(project)
    add_process_type(project)
    add_dependency(project, manager)
    commit_all(project.path, "Ours")
    update(project)
    expected = fresh(project).copy(tmp_path / "fresh")
    edit_as_users_do(expected)
    add_process_type(expected)
    assert lines(project) == lines(expected)
    texts = tree(project.path)
    assert '"iniconfig' in texts["pyproject.toml"]
    assert "iniconfig" in texts["uv.lock" if manager == "uv" else "requirements.txt"]
    assert "earlier release" not in "".join(texts.values())
    if manager == "uv":
        run_uv(project.path, "lock", "--check")


def test_an_update_turns_nothing_on(launch: Callable[[str, str], Project]) -> None:
    """The first release did not ask for platforms or a CI. The answers to later questions are none."""
    project = launch(VERSIONS[0], "uv")
    update(project)
    answers = project.answers()
    assert (answers["platforms"], answers["ci"]) == ([], "none")
    assert not list(project.path.glob("Dockerfile")) + list(project.path.glob(".github"))


@FROM_AFAR
def test_a_deleted_file_stays_deleted(launch: Callable[[str, str], Project], version: str) -> None:
    """The user may delete the example."""
    project = launch(version, "uv")
    deleted = [*(project.path / "tests").rglob("*.py"), project.package / "routes.py"]
    for path in deleted:
        path.unlink()
    commit_all(project.path, "Ours")
    update(project)
    assert not [path for path in deleted if path.exists()]  # new files may have come


@FROM_AFAR
def test_the_package_manager_can_be_changed(launch: Callable[[str, str], Project], version: str) -> None:
    """The new answer adds its files, and removes those of the old one."""
    project = launch(version, "uv")
    run_update(project.path, {"package_manager": "pip"})
    assert not (project.path / "uv.lock").exists()
    assert (project.path / "requirements.txt").exists()


@pytest.mark.variants  # tests/test_turns.py changes it together with the other answers
def test_observability_is_turned_on_and_off(launch: Callable[..., Project]) -> None:
    """In an edited service there is no conflict. Each answer adds its lines, and removes them again."""
    project = launch(EARLIER, "uv", framework="fastapi", queue="procrastinate")
    edit_as_users_do(project)
    commit_all(project.path, "Ours")
    update(project)
    commit_all(project.path, "Updated")
    without = tree(project.path)
    every = variants.choices()["observability"][-1]
    steps: list[list[str]] = [every[:1], every, every[1:], []]
    for chosen in steps:
        update(project, observability=chosen)
        commit_all(project.path, f"With {chosen}")
        texts = tree(project.path)
        assert project.answers()["observability"] == chosen
        for name, module in zip(every, ("otlp", "sentry", "prometheus"), strict=True):
            assert (f"{project.name}/runtime/{module}.py" in texts) == (name in chosen)
        assert "@router" in texts[f"{project.name}/routes.py"]
    assert {name for name in texts if texts[name] != without.get(name)} <= {"uv.lock"}
    assert texts.keys() == without.keys()


@pytest.mark.parametrize(
    ("version", "manager"),
    [
        (VERSIONS[0], "uv"),
        (EARLIER, "pip"),
        pytest.param(EARLIER, "uv", marks=pytest.mark.variants),
        pytest.param(VERSIONS[0], "pip", marks=pytest.mark.variants),
    ],
)
def test_a_database_can_be_attached_later(
    launch: Callable[..., Project], shared: Path, postgres: Server, version: str, manager: str
) -> None:
    """A service without a database, with edits, gets one without conflict, migrates and serves."""
    project = launch(version, manager, database="none")
    edit_as_users_do(project)
    add_dependency(project, manager)
    commit_all(project.path, "Ours")
    update(project, database="postgres")
    texts = tree(project.path)
    assert '@router.get("/mine")' in texts[f"{project.name}/routes.py"]
    assert 'my_setting: str = "mine"' in texts[f"{project.name}/settings.py"]
    assert all("sqlalchemy" in texts[lock] for lock in LOCKS if lock in texts and "dev" not in lock)
    if manager == "pip":  # the added dependency's hash is not a real one
        return
    run_uv(project.path, "lock", "--check")
    variables = {"DATABASE_URL": postgres.url(postgres.create()), "MY_SETTING": "ours"}
    with starting(project, environment(shared, project, dev=False), variables) as start:
        assert start(process="release").wait() == 0
        port = start().port
        assert status(port, "/mine") == status(port, "/readyz") == 200
        assert Connection(port).post("/notes", {"text": "one"})[0].status == 201
