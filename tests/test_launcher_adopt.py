"""`slipway adopt`, for services that were written without the template."""

import re
import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import copier
import pytest
from copier.errors import UserMessageError

import slipway.adopt
from slipway.adopt import write
from slipway.cli import main
from slipway.guess import guesses
from slipway.source import Template
from tests.support.git import commit_all, git
from tests.support.project import Project, render, run_uv, update
from tests.support.template import HEAD, ROOT

NEXT = "999.1.0"
FASTAPI = {
    "pyproject.toml": '[project]\nname = "orders-api"\nversion = "1"\ndescription = "Takes orders."\n'
    'requires-python = ">=3.12"\ndependencies = ["fastapi", "packaging"]\n',
    "README.md": "# Orders\n\nOurs.\n",
    "Procfile": "web: uvicorn orders.app:app\n",
    ".gitignore": ".env*\n__pycache__/\n",
    "orders/__init__.py": "",
    "orders/app.py": "from fastapi import FastAPI\n\napp = FastAPI()\n",
    "tests/test_orders.py": "def test_orders() -> None:\n    pass\n",
}
FLASK = {
    "requirements.txt": "# web\nFlask==3.1.0\npsycopg2-binary>=2.9\ncelery\n",
    "shop/__init__.py": "from flask import Flask\n\napp = Flask(__name__)\n",
    "tests/__init__.py": "",
    ".python-version": "3.12\n",
}
DJANGO = {
    "pyproject.toml": '[tool.poetry]\nname = "order-desk"\n[tool.poetry.dependencies]\npython = "^3.12"\n'
    'Django = "^5.2"\npsycopg = "*"\n',
    "manage.py": "",
    "desk/__init__.py": "",
    "desk/settings.py": "",
    "orders/__init__.py": "",
    ".gitlab-ci.yml": "",
}


def service(to: Path, files: Mapping[str, str]) -> Path:
    """Make a service from these files, and commit it."""
    for name, text in files.items():
        path = to / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    commit_all(to, "Ours")
    return to


def test_a_service_is_adopted_and_updated(
    template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Neither adoption nor an update changes its files. It gets what it lacks, and a list of what to do."""
    source = Path(shutil.copytree(template, tmp_path / "template"))
    monkeypatch.setattr(slipway.adopt, "own", lambda: Template(str(source)))
    project = Project(service(tmp_path / "desk", FASTAPI))

    assert main(["adopt", "--defaults", str(project.path)]) == 0
    lines = [line.strip() for line in capfd.readouterr().err.splitlines()]
    assert git(project.path, "diff", "HEAD") == ""
    for name in (
        "orders/runtime/serve.py",
        "orders/__main__.py",
        "dev/check.py",
        "tests/contract/test_boot.py",
    ):
        assert (project.path / name).is_file()
    assert not (project.path / "uv.lock").exists()
    answers = project.answers()
    assert answers["_commit"] == HEAD
    assert [
        answers[name] for name in ("project_slug", "package", "framework", "database", "description")
    ] == [*("orders-api", "orders", "fastapi", "none", "Takes orders.")]
    kept = [".gitignore", "Procfile", "README.md", "orders/app.py", "pyproject.toml"]
    listed = (project.path / ".slipway-kept").read_text().splitlines()
    assert [line for line in listed if not line.startswith("#")] == kept
    assert f"Files that both you and the template have; yours are unchanged: {', '.join(kept)}." in lines
    assert (
        "orders/app.py is yours: `web` runs the application that its create_app(settings) returns." in lines
    )
    assert "Procfile lacks: web: python -m orders web" in lines
    assert "git ignores these, so use `git add --force` or `rm` for them: .env.example." in lines
    assert (project.path / ".git/slipway-adopt/orders/app.py").is_file()
    additions = [shlex.split(line)[1:] for line in lines if line.startswith("uv add ")]
    assert [each[:2] == ["add", "--dev"] for each in additions] == [False, True]
    assert "fastapi" not in additions[0]

    for each in additions:
        run_uv(project.path, *each, "--no-sync", "--quiet")
    git(project.path, "add", "--force", ".env.example")
    commit_all(project.path, "Under Slipway")
    update(project.path, {})
    assert git(project.path, "status", "--porcelain") == ""

    for name, old in (
        ("README.md.jinja", "# "),
        ("Procfile.jinja", "web: "),
        ("pyproject.toml.jinja", "[tool"),
    ):
        path = source / "template" / name
        path.write_text(path.read_text().replace(old, f"# Of {NEXT}.\n{old}", 1))
    (source / "template" / "{{ package if fastapi else '' }}" / "app.py.jinja").write_text("# All new.\n")
    (source / "template" / "dev" / "later.py").write_text('"""Later."""\n')
    commit_all(source, "Next", tag=NEXT)
    capfd.readouterr()
    copier.run_update(project.path, defaults=True, overwrite=True, unsafe=True, quiet=True)
    changed = git(project.path, "status", "--porcelain").splitlines()
    assert changed == [" M .copier-answers.yml", "?? dev/later.py"]
    said = "Kept as yours, because .slipway-kept lists them; the template's have changed: "
    assert f"{said}Procfile, README.md, orders/app.py, pyproject.toml.\n" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (
            FLASK,
            {
                "package": "shop",
                "framework": "flask",
                "queue": "celery",
                "database": "postgres",
                "package_manager": "pip",
                "python_version": "3.12",
            },
        ),
        (
            DJANGO,
            {
                "project_name": "Order desk",
                "project_slug": "order-desk",
                "package": "desk",
                "framework": "django",
                "queue": "none",
                "database": "postgres",
                "ci": "gitlab",
            },
        ),
        (
            {"pyproject.toml": '[project]\ndependencies = ["flask", "fastapi"]\n'},
            {"queue": "none", "database": "none"},
        ),
    ],
    ids=["flask", "django", "two"],
)
def test_what_is_there_answers_questions(
    tmp_path: Path, files: Mapping[str, str], expected: Mapping[str, str]
) -> None:
    """If two packages imply two answers, the template asks, and it derives the name from the folder."""
    assert guesses(service(tmp_path / "my-shop", files)) == expected


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("dirty", "{path} has uncommitted changes: commit or stash them first."),
        ("no-repository", "{path} is not in git, or has no commit yet: commit it first."),
        ("adopted", "{path} already has .copier-answers.yml: `slipway update {path}` updates it."),
        ("empty", "{path} is empty: `slipway new {path}` launches a service there."),
        ("missing", "There is no folder {path}: `slipway new {path}` launches a service there."),
        ("unknown", "{path} does not show which framework it uses: add `-d framework=NAME`."),
        ("broken", "{path}/pyproject.toml cannot be read: "),
        (
            "hiding",
            "project_slug is a package the service needs. "
            "It was read from hiding: add `-d project_slug=ANSWER` with another answer.",
        ),
    ],
)
def test_what_cannot_be_adopted_is_one_line(
    template: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    case: str,
    expected: str,
) -> None:
    """The launcher writes nothing."""
    monkeypatch.setattr(slipway.adopt, "own", lambda: Template(str(template)))
    path = tmp_path / case
    if case not in ("empty", "missing"):
        hiding = '[project]\nname = "flask"\ndependencies = ["flask"]\n'
        manifests = {"unknown": "", "broken": "[", "hiding": hiding}
        manifest = manifests.get(case, FASTAPI["pyproject.toml"])
        service(path, {"pyproject.toml": manifest})
    if case == "dirty":
        (path / "draft.md").touch()
    elif case == "no-repository":
        shutil.rmtree(path / ".git")
    elif case == "adopted":
        service(path, {".copier-answers.yml": "_commit: 1.0.0\n"})
    elif case == "empty":
        path.mkdir()
    before = sorted(tmp_path.rglob("*"))
    assert main(["adopt", "--defaults", str(path)]) == 1
    *read, line = capfd.readouterr().err.splitlines()
    assert len(read) == (case == "hiding")  # "Read from …"
    assert line.startswith(expected.format(path=path))
    assert sorted(tmp_path.rglob("*")) == before


def test_a_companys_layer_has_its_own_updates(template: Path, tmp_path: Path) -> None:
    """As docs/layers.md describes, the update of one layer does not change the other's files."""
    layer, project = tmp_path / "layer", Project(tmp_path / "desk")
    blocks = re.findall(r"```yaml\n# (.+)\n((?s:.+?))```", (ROOT / "docs" / "layers.md").read_text())
    files = dict(blocks)
    files["copier.yml"] += "  default: platform\n"
    service(layer, files)
    git(layer, "tag", "1.0.0")
    render(template, project.path, {"database": "none", "package_manager": "pip"}, skip_tasks=True)
    commit_all(project.path, "Launch")

    options: dict[str, Any] = {"answers_file": ".copier-answers.company.yml", "defaults": True, "quiet": True}
    copier.run_copy(str(layer), project.path, **options)
    assert (project.path / "catalog.yaml").read_text() == "name: order-desk\nowner: platform\n"
    commit_all(project.path, "The company's layer")
    update(project.path, {})
    assert git(project.path, "status", "--porcelain") == ""

    service(layer, {"template/catalog.yaml.jinja": files["template/catalog.yaml.jinja"] + "tier: 1\n"})
    git(layer, "tag", "1.1.0")
    copier.run_update(project.path, overwrite=True, **options)
    assert (project.path / "catalog.yaml").read_text() == "name: order-desk\nowner: platform\ntier: 1\n"
    changed = git(project.path, "status", "--porcelain").splitlines()
    assert changed == [" M .copier-answers.company.yml", " M catalog.yaml"]


def test_what_fails_halfway_is_put_back(tmp_path: Path) -> None:
    path = service(tmp_path / "desk", FASTAPI)
    made = service(tmp_path / "made", {"a.py": "", "orders/runtime/a.py": "", "orders/runtime/b.py": ""})
    names = ["a.py", "orders/runtime/a.py", "orders/runtime/b.py", "gone.py"]
    with pytest.raises(UserMessageError, match=r"Nothing was changed in .*desk: "):
        write(path, made, names)
    assert git(path, "status", "--porcelain") == ""
    assert not (path / "orders" / "runtime").exists()
