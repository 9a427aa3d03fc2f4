"""An adopted service, wired by hand as the report says, serves its old routes and can be updated."""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import copier
import pytest

import slipway.adopt
from slipway.cli import main
from slipway.source import Template
from tests.conftest import starting
from tests.support.client import Connection
from tests.support.git import commit_all, git
from tests.support.project import Project, union

NEXT = "999.1.0"
FASTAPI = {
    "pyproject.toml": '[project]\nname = "orders"\nversion = "1"\ndependencies = ["fastapi", "uvicorn"]\n',
    "Procfile": "web: uvicorn orders.app:app\n",
    "orders/__init__.py": "",
    "orders/app.py": "from fastapi import FastAPI\n\napp = FastAPI()\n\n\n"
    '@app.get("/orders")\nasync def orders() -> list[str]:\n    return ["one"]\n',
}
FLASK = {
    "requirements.txt": "Flask\n",
    "orders/__init__.py": "",
    "orders/web.py": 'from flask import Flask\n\napp = Flask("orders")\n\n\n'
    '@app.get("/orders")\ndef orders() -> list[str]:\n    return ["one"]\n',
}
DJANGO = {
    "pyproject.toml": '[project]\nname = "orders"\nversion = "1"\ndependencies = ["django"]\n',
    "manage.py": "",
    "orders/__init__.py": "",
    "orders/settings.py": 'ROOT_URLCONF = "orders.urls"\nINSTALLED_APPS = ["shelf"]\n',
    "orders/urls.py": "from django.urls import path\n\nfrom shelf.views import orders\n\n"
    'urlpatterns = [path("orders", orders)]\n',
    "shelf/__init__.py": "",
    "shelf/views.py": "from django.http import JsonResponse\n\n\n"
    'def orders(request: object) -> JsonResponse:\n    return JsonResponse(["one"], safe=False)\n',
}


def edit(path: Path, old: str, new: str) -> None:
    """Replace text that occurs exactly once."""
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))


def wire_fastapi(service: Path, _pristine: Path) -> None:
    """`Procfile lacks: …`, and `orders/app.py is yours: `web` runs …`."""
    edit(service / "Procfile", "uvicorn orders.app:app", "python -m orders web")
    app = service / "orders" / "app.py"
    app.write_text(f"{app.read_text()}\n\ndef create_app(settings: object) -> FastAPI:\n    return app\n")


def wire_flask(service: Path, _pristine: Path) -> None:
    """`orders/app.py is new, and is what runs: bring into it what yours does`."""
    app = service / "orders" / "app.py"
    edit(app, "from . import routes\n", "")
    edit(app, "from .settings import Settings\n", "from .settings import Settings\nfrom .web import app\n")
    edit(app, "    app = Flask(__name__)\n", "")
    edit(app, "    app.register_blueprint(routes.bp)\n", "")


def wire_django(service: Path, pristine: Path) -> None:
    """`orders/settings.py is yours, …: move Django's into django_settings.py`; `urls.py` stays."""
    shutil.copy(pristine / "orders" / "settings.py", service / "orders" / "settings.py")
    place = "INSTALLED_APPS = [\n"
    edit(service / "orders" / "django_settings.py", place, f'{place}    "shelf",\n')


@pytest.mark.parametrize(
    ("files", "wire"),
    [
        pytest.param(FASTAPI, wire_fastapi, id="fastapi"),
        pytest.param(FLASK, wire_flask, id="flask", marks=pytest.mark.variants),
        pytest.param(DJANGO, wire_django, id="django", marks=pytest.mark.variants),
    ],
)
def test_an_adopted_service_serves_and_updates(
    template: Path,
    shared: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    files: Mapping[str, str],
    wire: Callable[[Path, Path], None],
) -> None:
    """It serves its own route, request IDs and /livez (C-11, C-12), before and after an update.

    The folder has the name of a framework, which is not allowed as a slug.
    """
    source = Path(shutil.copytree(template, tmp_path / "template"))
    monkeypatch.setattr(slipway.adopt, "own", lambda: Template(str(source)))
    project = Project(tmp_path / "flask")
    for name, text in files.items():
        (project.path / name).parent.mkdir(parents=True, exist_ok=True)
        (project.path / name).write_text(text)
    commit_all(project.path, "Ours")
    answers = ["-d", "package=orders", "-d", "ci=none"]
    assert main(["adopt", "--defaults", *answers, str(project.path)]) == 0
    wire(project.path, project.path / ".git" / "slipway-adopt")
    commit_all(project.path, "Under Slipway")
    serves(project, shared)

    (source / "template" / "{{ package }}" / "runtime" / "later.py").write_text('"""Later."""\n')
    commit_all(source, "Next", tag=NEXT)
    copier.run_update(project.path, defaults=True, overwrite=True, unsafe=True, quiet=True)
    changed = set(git(project.path, "status", "--porcelain").splitlines())
    assert changed - {"?? uv.lock", " M requirements.txt"} == {
        " M .copier-answers.yml",
        "?? orders/runtime/later.py",
    }
    assert "was left as it is" not in capfd.readouterr().err
    serves(project, shared)


def serves(project: Project, shared: Path) -> None:
    """Start `web` as the Procfile says, send requests, and stop it."""
    with starting(project, union(shared), project.secrets) as start:
        web = start()
        answer, body = Connection(web.port).get("/orders")
        assert (answer.status, body.strip()) == (200, b'["one"]')
        assert answer.headers["X-Request-ID"]
        assert Connection(web.port).get("/livez")[0].status == 200
        web.terminate()
        assert web.wait() == 0
