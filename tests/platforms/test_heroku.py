"""Heroku: what its buildpack and its grammar of a Procfile refuse, as its own builds have shown."""

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from honcho.environ import parse_procfile  # type: ignore[import-untyped]

from tests.conftest import Render
from tests.support import variants
from tests.support.postgres import Server
from tests.support.project import Project, run_uv

# What bin/compile takes as a package manager's file; two of them end the build, and none does too.
MANAGERS = ("uv.lock", "requirements.txt", "poetry.lock", "Pipfile", "Pipfile.lock")
# Names that the buildpack runs, refuses, or takes for a mistyped .python-version.
REFUSED = (
    "runtime.txt",
    "bin/pre_compile",
    "bin/post_compile",
    ".venv",
    "venv",
    ".heroku",
    "manage.py",
    "setup.py",
)
MISSPELT = re.compile(r"\.?python[-_.]?version(\.txt)?|runtime\.txt", re.IGNORECASE)
SUPPORTED = {"3.10", "3.11", "3.12", "3.13", "3.14"}


def one_manager(project: Path) -> bool:
    return len([name for name in MANAGERS if (project / name).exists()]) == 1


def a_version_by_its_minor(project: Path) -> bool:
    """An exact patch gives a warning, a range or a comment behind it ends the build."""
    text = (project / ".python-version").read_bytes().decode("ascii")
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("#")]
    return len(lines) == 1 and lines[0] in SUPPORTED


def a_version_that_the_manifest_admits(project: Path) -> bool:
    oldest = tomllib.loads((project / "pyproject.toml").read_text())["project"]["requires-python"]
    own = (project / ".python-version").read_text().strip().split(".")
    return tuple(map(int, own)) >= tuple(map(int, str(oldest).removeprefix(">=").split(".")))


def no_version_of_uv(project: Path) -> bool:
    """`required-version` would have to admit whichever uv the buildpacks have: 0.12.5, and 0.11.33."""
    uv = tomllib.loads((project / "pyproject.toml").read_text()).get("tool", {}).get("uv", {})
    return "required-version" not in uv


def nothing_to_build(project: Path) -> bool:
    """An editable install does not survive a read-only slug: the code stands at the root."""
    manifest = tomllib.loads((project / "pyproject.toml").read_text())
    return "build-system" not in manifest and not (project / "src").exists()


def no_name_of_the_buildpacks(project: Path) -> bool:
    misspelt = [path.name for path in project.iterdir() if MISSPELT.fullmatch(path.name)]
    found = {name for name in REFUSED if (project / name).exists()}
    if (project / "manage.py").exists() and Project(project).answers()["framework"] == "django":
        found -= {"manage.py"}  # with which the buildpack collects its assets
    return misspelt == [".python-version"] and not found


def a_procfile_that_honcho_reads(project: Path) -> bool:
    lines = (project / "Procfile").read_text()
    return len(parse_procfile(lines).processes) == len(lines.splitlines())


def addons_by_plan(project: Path) -> bool:
    app = json.loads((project / "app.json").read_text())
    plans = [addon["plan"] for addon in app.get("addons", [])]
    return all(re.fullmatch(r"[a-z-]+:[a-z0-9-]+", plan) for plan in plans) and "success_url" not in app


RULES: list[tuple[Callable[[Path], bool], str, str, str]] = [
    (one_manager, "Pipfile", "", "x"),
    (a_version_by_its_minor, ".python-version", r"(\d\.\d+)", r">=\1"),
    (a_version_by_its_minor, ".python-version", r"(\d\.\d+)", r"\1 # x"),
    (a_version_by_its_minor, ".python-version", r"(\d\.\d+)", r"\1.1"),
    (a_version_that_the_manifest_admits, ".python-version", r"\d\.\d+", "3.11"),
    (no_version_of_uv, "pyproject.toml", r"\Z", '\n[tool.uv]\nrequired-version = ">=0.13"\n'),
    (nothing_to_build, "pyproject.toml", r"\Z", '\n[build-system]\nrequires = ["uv_build"]\n'),
    (no_name_of_the_buildpacks, "runtime.txt", "", "python-3.13"),
    (no_name_of_the_buildpacks, ".python_version", "", "3.13"),
    (a_procfile_that_honcho_reads, "Procfile", "web: ", "we b: "),
    (addons_by_plan, "app.json", r"\}\s*\Z", ', "addons": [{ "plan": "heroku-redis" }] }'),
]


@pytest.mark.parametrize(("rule", "file", "old", "new"), RULES)
def test_the_buildpack_has_nothing_to_refuse(
    deployed: Project, rule: Callable[[Path], bool], file: str, old: str, new: str, tmp_path: Path
) -> None:
    """Each rule holds, and is broken by what it is there to find."""
    assert rule(deployed.path)
    broken = deployed.copy(tmp_path / "broken").path
    text = (broken / file).read_text() if (broken / file).exists() else ""
    if "[tool.uv]" in text and "[tool.uv]" in new:
        old, new = r"\[tool\.uv\]\n", '[tool.uv]\nrequired-version = ">=0.13"\n'
    (broken / file).write_text(re.sub(old, new, text, count=1))
    assert not rule(broken)


# With uv the buildpack installs the tools, with pip the script does. Django's tests start manage.py too.
IN_CI = [
    pytest.param({"framework": "django", "package_manager": "uv"}, marks=pytest.mark.variants),
    {"framework": "litestar", "database": "none", "package_manager": "pip"},
]
# Heroku's Python cannot start without LD_LIBRARY_PATH. This line, which it reads at its start, makes ours so.
LIBRARY = """import os, sys; "LD_LIBRARY_PATH" in os.environ or sys.exit("libpython is not found")\n"""
FAULTY = "import os, sys\nassert 0\n"


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("answers", IN_CI, ids=variants.label)
def test_heroku_ci_runs_the_tests(
    answers: dict[str, Any], render: Render, postgres: Server, tmp_path: Path
) -> None:
    """The app's folder holds Python and the caches there, and no repository."""
    app = Project(render(answers)).copy(tmp_path / "app").path
    python = app / ".heroku" / "python"
    run_uv(app, "venv", "--quiet", "--seed", "--python", sys.executable, str(python))
    if answers["package_manager"] == "uv":
        run_uv(app, "sync", "--locked", "--quiet", UV_PROJECT_ENVIRONMENT=str(python))
    else:  # the buildpack installs this file alone
        install = ("pip", "install", "--quiet", "--require-hashes", "-r", "requirements.txt")
        run_uv(app, *install, "--python", str(python))
    [site_packages] = python.glob("lib/python3*/site-packages")
    (site_packages / "library.pth").write_text(LIBRARY)
    (site_packages.parent / "of_python.py").write_text(FAULTY)
    (app / ".cache" / "uv").mkdir(parents=True)
    (app / ".cache" / "uv" / "of_uv.py").write_text(FAULTY)

    script = json.loads((app / "app.json").read_text())["environments"]["test"]["scripts"]["test"]
    variables = {
        "PATH": f"{python / 'bin'}:/usr/bin:/bin",
        "LD_LIBRARY_PATH": str(python / "lib"),
        "HOME": str(app),
        "CI": "true",
    }
    if Project(app).has_database:
        variables["DATABASE_URL"] = postgres.url(postgres.create())
    done = subprocess.run(["sh", "-c", script], cwd=app, env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
