"""Edits of Python: what grows a service."""

import re
import subprocess

from extensions import pins
from tests.support.git import git
from tests.support.project import Project

from .edits import AbsentError, Wanted, append, delete, edit, insert, read, replace, write

ROUTES = {
    "fastapi": '\n\n@router.get("/mine")\nasync def mine() -> str:\n    """Ours."""\n    return "mine"\n',
    "flask": '\n\n@bp.get("/mine")\ndef mine() -> str:\n    """Ours."""\n    return "mine"\n',
    "litestar": '\n@get("/mine")\nasync def mine() -> str:\n    """Ours."""\n    return "mine"\n\n',
    "django": '\ndef mine(_: HttpRequest) -> JsonResponse:\n    return JsonResponse({"whose": "mine"})\n\n',
}
DECORATORS = {"procrastinate": '@app.task(name="mine")', "dramatiq": "@dramatiq.actor", "celery": "@app.task"}
MODELS = {
    "Base": '\n\nclass Order(Base):\n    """Ours."""\n\n    __tablename__ = "orders"\n\n'
    "    id: Mapped[int] = mapped_column(primary_key=True)\n",
    "models.Model": '\n\nclass Order(models.Model):\n    """Ours."""\n\n    paid = models.BooleanField()\n',
}
ALEMBIC = '''"""Ours."""

from alembic import op

revision = "mine"
down_revision = "{last}"


def upgrade() -> None:
    op.execute("select 'mine'")


def downgrade() -> None:
    pass
'''
DJANGO = '''"""Ours."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("{label}", "{last}")]
    operations = [migrations.RunSQL("select 'mine'", "")]
'''


@edit("{package}/routes.py")
def route(project: Project) -> Wanted:
    """A route in `routes.py`."""
    framework = str(project.answers()["framework"])
    name, text = "{package}/routes.py", ROUTES[framework]
    if framework in ("fastapi", "flask"):
        return append(project, name, text)
    names = {"litestar": ("router = ", "index", ", mine"), "django": ("urlpatterns", 'index"\\),', "")}
    before, after, more = names[framework]
    listed = insert(
        project, name, after if more == "" else rf"\[{after}", more or '\n    path("mine", mine),'
    )
    return {**listed, **insert(project, name, rf"\n(?=\n{before})", text)}


@edit("{package}/routes.py")
def answer(project: Project) -> Wanted:
    """Another answer of the example's route."""
    return insert(project, "{package}/routes.py", r'\{(?="service": )', '"region": "eu", ')


@edit("{package}/settings.py")
def setting(project: Project) -> Wanted:
    """A setting at the end of `settings.py`."""
    return append(project, "{package}/settings.py", '    my_setting: str = "mine"\n    """Ours."""\n')


@edit("{package}/settings.py")
def default(project: Project) -> Wanted:
    """Another default of a setting."""
    old = r"    database_pool_size: int = Field\(default=5"
    return replace(project, "{package}/settings.py", old, "    database_pool_size: int = Field(default=7")


@edit("{package}/jobs.py")
def job(project: Project) -> Wanted:
    """A job in `jobs.py`."""
    decorator = DECORATORS.get(str(project.answers().get("queue")), "")
    text = f'\n\n{decorator}\ndef mine() -> None:\n    """Ours."""\n'
    return append(project, "{package}/jobs.py", text)


@edit("{package}/app.py")
def application(project: Project) -> Wanted:
    """An import and lines of code in `app.py`."""
    first = insert(project, "{package}/app.py", r'\A""".*"""\n\n', "import logging\n\n")
    last = append(project, "{package}/app.py", '\n\nlogging.getLogger("mine").info("loaded")\n')
    return {name: [*(lines or []), *(last[name] or [])] for name, lines in first.items()}


@edit("{package}/middleware.py")
def middleware(project: Project) -> Wanted:
    """A step in `middleware.py`."""
    place = r"^        # Your own go here.*\n"
    return insert(project, "{package}/middleware.py", place, "        lambda app: app,\n")


@edit("{package}/services.py")
def service(project: Project) -> Wanted:
    """An entry in `services.py`."""
    return append(project, "{package}/services.py", "        self.mine = None\n")


@edit("{package}/__main__.py")
def process(project: Project) -> Wanted:
    """A process type in `__main__.py`."""
    text = '\n\ndef sweep(settings: "Settings") -> int:\n    """sweep up"""\n    return settings.port\n'
    name = "{package}/__main__.py"
    wanted = insert(project, name, r"\n(?=\n\nPROCESS(_TYP)?ES = \{\n)", text)
    insert(project, name, r"^PROCESS(_TYP)?ES = \{\n", '    "sweep": sweep,\n')
    return {path: [*(lines or []), '"sweep": sweep'] for path, lines in wanted.items()}


@edit("{package}/models.py")
def model(project: Project) -> Wanted:
    """A table in `models.py`."""
    text = read(project, "{package}/models.py")
    (kind,) = [kind for kind in MODELS if f"({kind})" in text]
    return append(project, "{package}/models.py", MODELS[kind])


@edit("{package}/migrations/*")
def migration(project: Project) -> Wanted:
    """A database migration."""
    django = project.answers()["framework"] == "django"
    folder = project.package / "migrations" / ("" if django else "versions")
    own = sorted(path for path in folder.glob("0*.py"))
    if not own:
        raise AbsentError(str(folder))
    name = f"{{package}}/{folder.relative_to(project.package)}/"
    if django:
        text = DJANGO.format(label=project.name, last=own[-1].stem)
        wanted = write(project, f"{name}{len(own) + 1:04}_mine.py", text)
    else:
        last = re.search(r'^revision = "(.+)"', own[-1].read_text(), re.MULTILINE)
        wanted = write(project, f"{name}mine.py", ALEMBIC.format(last=last[1] if last else ""))
    # What it follows may change with what an option brings.
    return {
        path: [line for line in lines or [] if "down_revision" not in line and "dependencies" not in line]
        for path, lines in wanted.items()
    }


@edit("{package}/orders.py", "tests/test_orders.py")
def module(project: Project) -> Wanted:
    """A module with a test."""
    code = write(project, "{package}/orders.py", '"""Ours."""\n\nMINE = 1\n')
    text = f"from {project.name}.orders import MINE\n\n\ndef test_mine() -> None:\n    assert MINE == 1\n"
    return {**code, **write(project, "tests/test_orders.py", text)}


@edit("tests/test_routes.py")
def test(project: Project) -> Wanted:
    """A test in `tests/test_routes.py`."""
    return append(project, "tests/test_routes.py", "\n\ndef test_mine() -> None:\n    assert True\n")


@edit("tests/conftest.py")
def fixture(project: Project) -> Wanted:
    """A fixture in `tests/conftest.py`."""
    text = '\n\n@pytest.fixture\ndef mine() -> str:\n    """Ours."""\n    return "mine"\n'
    return append(project, "tests/conftest.py", text)


@edit("{package}/runtime/config.py")
def runtime(project: Project) -> Wanted:
    """A line in `runtime/`, which is the template's."""
    return append(project, "{package}/runtime/config.py", "\nMINE = 1  # ours\n")


@edit("{package}/notes.py", "{package}/app.py", "tests/test_notes.py")
def example(project: Project) -> Wanted:
    """The example deleted."""
    name = "{package}/app.py"
    if not (project.package / "notes.py").exists():
        raise AbsentError("notes.py")
    replace(project, name, r"^from \. import notes\n", "")
    replace(project, name, r"^    app\.(include_router|register_blueprint)\(notes\.\w+\)\n", "")
    return delete(project, "{package}/notes.py", "tests/test_notes.py")


@edit("tests/test_settings.py", "tests/test_database.py")
def tests(project: Project) -> Wanted:
    """Tests of the template deleted."""
    return delete(project, "tests/test_settings.py", "tests/test_database.py")


def format_as(project: Project, width: int, more: str = "") -> Wanted:
    """Give the service a style, and format it."""
    name = "pyproject.toml"
    line = f"line-length = {width} # ours"
    wanted = [*(replace(project, name, r"^line-length = .*", line)[name] or [])]
    if more:
        wanted += append(project, name, f"\n[tool.ruff.format]\n{more}\n")[name] or []
    (version,) = pins.PINS["packages"]["ruff"]
    command = ["uvx", "--quiet", f"ruff@{version}", "format", "--quiet"]
    subprocess.run(command, cwd=project.path, check=True)
    if len(git(project.path, "status", "--porcelain").splitlines()) < 2:
        raise AbsentError("nothing to format")
    return {name: wanted}


@edit("*.py", "pyproject.toml")
def narrow(project: Project) -> Wanted:
    """Formatted anew: 79 columns, single quotes."""
    return format_as(project, 79, 'quote-style = "single"')


@edit("*.py", "pyproject.toml")
def wide(project: Project) -> Wanted:
    """Formatted anew: 120 columns."""
    return format_as(project, 120)
