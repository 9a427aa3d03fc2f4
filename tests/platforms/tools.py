"""The tools of others, from this environment or from the machine."""

import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

HEROKU_SCHEMA = "@heroku/mcp-server@1.2.8"  # Apache-2.0; it carries the schema of app.json


def run(*command: str | Path, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a tool of the dependency group `platforms`, or of the machine."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    found = shutil.which(command[0], path=path)
    assert found, f"{command[0]} is in the group `platforms` of pyproject.toml: install it"
    environment = {**os.environ, "PATH": path, "NO_COLOR": "1", **variables}
    return subprocess.run(
        [found, *command[1:]], cwd=cwd, env=environment, capture_output=True, text=True, timeout=120
    )


def schema(name: str, *options: str) -> Callable[[Path, Path], subprocess.CompletedProcess[str]]:
    """Return a check by a schema that check-jsonschema brings."""
    command = ["check-jsonschema", "--builtin-schema", f"vendor.{name}", *options]
    return lambda file, cwd: run(*command, str(file), cwd=cwd)


def command(*words: str) -> Callable[[Path, Path], subprocess.CompletedProcess[str]]:
    """Return a check by a command that is given the file."""
    return lambda file, cwd: run(*words, str(file), cwd=cwd)


def heroku(file: Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Check an app.json by Heroku's own schema, which only a package of npm brings."""
    if not shutil.which("npm"):
        pytest.skip("Heroku's schema comes with npm, which is not here")
    archive = next(cwd.parent.glob("heroku-*.tgz"), None)
    if not archive:
        packed = run("npm", "pack", "--silent", HEROKU_SCHEMA, cwd=cwd.parent)
        if packed.returncode:
            pytest.skip(f"npm does not get {HEROKU_SCHEMA}: {packed.stderr.strip()[-200:]}")
        archive = cwd.parent / packed.stdout.strip()
    with tarfile.open(archive) as package:
        text = package.extractfile("package/dist/utils/app-json.schema.json")
        assert text
        (cwd.parent / "app-json.schema.json").write_bytes(text.read())
    return run(
        "check-jsonschema", "--schemafile", str(cwd.parent / "app-json.schema.json"), str(file), cwd=cwd
    )


def compose(file: Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Check a compose.yaml by Compose, as a program or as a plugin of docker."""
    for program in (["docker-compose"], ["docker", "compose"]):
        if shutil.which(program[0]) and not run(*program, "version", cwd=cwd).returncode:
            return run(*program, "-f", str(file), "config", "--quiet", cwd=cwd)
    pytest.skip("neither docker-compose nor `docker compose` is here")


def kustomize(file: Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Build an overlay."""
    return run("kubectl", "kustomize", str(file.parent), cwd=cwd)


def kubernetes(file: Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Check what an overlay builds by the API's schemas."""
    built = kustomize(file, cwd)
    assert built.returncode == 0, built.stderr
    (cwd / "built.yaml").write_text(built.stdout)
    return run("kubernetes-validate", "--strict", "-k", "1.37", "--quiet", "built.yaml", cwd=cwd)


@dataclass(frozen=True)
class Check:
    """A tool, the file it checks, and how one breaks that file so that it complains."""

    file: str
    run: Callable[[Path, Path], subprocess.CompletedProcess[str]]
    old: str
    new: str
    complaint: str
    broken: str = ""  # where another file is to be broken
