"""What a service is made of: the files it was locked with, images by digest, and a list of all."""

import contextlib
import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from pathlib import Path
from threading import Thread

import pytest

from extensions import pins
from tests.conftest import Render
from tests.support import variants
from tests.support.git import commit_all, git
from tests.support.project import Project
from tests.support.project import render as run_copier
from tests.support.template import ROOT, snapshot
from tests.test_bad_input import run_copier as copier

from . import tools

MANAGERS = pytest.mark.parametrize("manager", variants.choices()["package_manager"])
DIGEST = "sha256:" + "5e" * 32


def project_of(render: Render, manager: str, ci: str = "github") -> Project:
    return Project(render({"package_manager": manager, "database": "none", "ci": ci}, skip_tasks=True))


def publish(index: Path, source: str) -> str:
    """Put a wheel of one module on an index, in the place of a former one; return its hash."""
    wheel = index / "wares-1.0-py3-none-any.whl"
    about = "wares-1.0.dist-info"
    files = {
        "wares.py": source,
        f"{about}/METADATA": "Metadata-Version: 2.1\nName: wares\nVersion: 1.0\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{about}/RECORD": f"wares.py,,\n{about}/METADATA,,\n{about}/WHEEL,,\n{about}/RECORD,,\n",
    }
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name), text)  # whose time is always the same
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    (index / "wares").mkdir(exist_ok=True)
    (index / "wares" / "index.html").write_text(f'<a href="../{wheel.name}#sha256={digest}">{wheel.name}</a>')
    return digest


@contextlib.contextmanager
def serving(handler: Callable[..., BaseHTTPRequestHandler]) -> Iterator[str]:
    """Serve HTTP on this machine; yield host and port."""
    server = ThreadingHTTPServer(("localhost", 0), handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"localhost:{server.server_port}"
    server.shutdown()
    server.server_close()


class Files(SimpleHTTPRequestHandler):
    """Serves a folder."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


def run(project: Project, command: str, index: str) -> tuple[int, str]:
    """Run a command with one index and no cache; return its status, and what it says."""
    variables = {"UV_DEFAULT_INDEX": index, "UV_NO_CACHE": "1", "UV_PYTHON": sys.executable}
    variables |= {"PIP_INDEX_URL": index, "PIP_NO_CACHE_DIR": "1", "PIP_CONFIG_FILE": os.devnull}
    kept = {name: text for name, text in os.environ.items() if not name.startswith(("PIP_", "UV_"))}
    done = subprocess.run(
        shlex.split(command), cwd=project.path, env=kept | variables, capture_output=True, text=True
    )
    return done.returncode, done.stdout + done.stderr


@MANAGERS
def test_a_wheel_that_was_tampered_with_is_refused(manager: str, render: Render, tmp_path: Path) -> None:
    """C-23: what the Dockerfile runs installs the wheel that was locked, whatever the index says."""
    project = project_of(render, manager).copy(tmp_path / "project")
    (command,) = re.findall(r"^RUN --mount=\S+ (.+)", (project.path / "Dockerfile").read_text(), re.MULTILINE)
    index = tmp_path / "index"
    index.mkdir()
    locked = publish(index, "GOOD = True\n")
    with serving(partial(Files, directory=str(index))) as address:
        url = f"http://{address}/"
        if manager == "uv":
            manifest = project.path / "pyproject.toml"
            text = re.sub(r"(?ms)^dependencies = .*?^\]", 'dependencies = ["wares"]', manifest.read_text())
            manifest.write_text(re.sub(r"(?ms)^dev = .*?^\]", "dev = []", text))
            (project.path / "uv.lock").unlink()
            assert run(project, "uv lock", url)[0] == 0
        else:
            assert run(project, f"{sys.executable} -m venv .venv", url)[0] == 0
            (project.path / "requirements.txt").write_text(f"wares==1.0 --hash=sha256:{locked}\n")
        publish(index, "GOOD = False\n")
        status, said = run(project, command, url)
        assert status != 0
        assert re.search("hash", said, re.IGNORECASE), said
        assert not list(project.path.glob(".venv/lib/*/site-packages/wares*"))
        publish(index, "GOOD = True\n")
        status, said = run(project, command, url)
        assert status == 0, said
        assert list(project.path.glob(".venv/lib/*/site-packages/wares.py"))


@MANAGERS
def test_what_is_installed_can_be_listed(manager: str, render: Render, tmp_path: Path) -> None:
    """ASVS 15.1.2: the README's command writes all that production installs, each with its hashes."""
    answers = {"package_manager": manager, "database": "none"}
    project = Project(render(answers)).copy(tmp_path / "project")
    section = (project.path / "README.md").read_text().partition("## List what is installed")[2]
    command = shlex.split(section.split("```")[1].removeprefix("sh\n"))
    if manager == "pip":
        assert command[:2] == ["pipx", "run"]
        command = ["uvx", "--quiet", "--from", *command[3:]]  # pipx is not on every machine of the tests
    subprocess.run(command, cwd=project.path, check=True, capture_output=True)
    listed = json.loads((project.path / "sbom.json").read_text())
    assert listed["bomFormat"] == "CycloneDX"
    found = {each["name"].lower(): each for each in listed["components"]}
    assert found.keys() == pins.closure(["fastapi", "common"]).keys() - {"colorama"} | (
        found.keys() & {"colorama"}
    )
    assert all(each["externalReferences"][0]["hashes"] for each in found.values())


@MANAGERS
def test_the_audit_looks_at_the_workflows_too(manager: str, render: Render, tmp_path: Path) -> None:
    """With a version that is named, and which finds what it is there to find."""
    project = project_of(render, manager).copy(tmp_path / "project")
    workflow = project.path / ".github" / "workflows" / "ci.yml"
    (command,) = re.findall(r"- run: (?:uvx|pipx run) (zizmor==.*)", workflow.read_text())
    tool, *arguments = shlex.split(command, comments=True)
    assert tool == f"zizmor=={version('zizmor')}"
    assert tools.run("zizmor", *arguments, cwd=project.path).returncode == 0
    workflow.write_text(workflow.read_text().replace("@3d3c42e5aac5ba805825da76410c181273ba90b1", "@v7"))
    assert tools.run("zizmor", *arguments, cwd=project.path).returncode != 0


def test_what_runs_from_the_index_is_pinned(render: Render) -> None:
    """Also copier and the package of its extensions, which update a service each week."""
    for manager in variants.choices()["package_manager"]:
        for ci, names in (("github", ("ci", "update")), ("gitlab", ())):
            project = project_of(render, manager, ci)
            files = [project.path / ".github" / "workflows" / f"{name}.yml" for name in names]
            for file in files or [project.path / ".gitlab-ci.yml"]:
                for line in file.read_text().splitlines():
                    if (
                        re.search(r"\b(uvx|pipx run|pip install)\b", line)
                        and "--require-hashes -r" not in line
                    ):
                        assert "==" in line, line
                        assert not re.search(r"--(with|from) (?!\S+==)", line), line


@pytest.fixture(scope="module")
def digests(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the template as it is once `nox -s pins` has reached the registries."""
    template = tmp_path_factory.mktemp("digests") / "template"
    snapshot(template)
    path = template / "pins" / "pins.json"
    read = json.loads(path.read_text())
    read["images"] = dict.fromkeys(read["images"], DIGEST)
    path.write_text(json.dumps(read))
    commit_all(template, "Digests", tag="999.0.1")
    return template


@pytest.mark.parametrize("ci", variants.choices()["ci"])
def test_images_have_their_digest_where_something_raises_it(ci: str, digests: Path, tmp_path: Path) -> None:
    """Without a bot, an image by its digest would keep its holes for ever."""
    answers = {"ci": ci, "queue": "dramatiq", "platforms": ["docker"]}
    run_copier(digests, tmp_path / "project", answers, skip_tasks=True, vcs_ref="999.0.1")
    texts = {path.name: path.read_text() for path in (tmp_path / "project").iterdir() if path.is_file()}
    named = re.findall(r"^(?:FROM |COPY --from=)(\w\S+)", texts["Dockerfile"], re.MULTILINE)
    named = [name for name in named if name != "build"]
    named += re.findall(r"^    image: (\w+:\S+)", texts["compose.yaml"], re.MULTILINE)
    assert len(named) == 5
    if ci == "gitlab":
        named += re.findall(r"\b(?:ghcr\S+?|docker):[^\s\]\"]+", texts[".gitlab-ci.yml"])
        assert len(named) == 8
    assert all(name.endswith(f"@{DIGEST}") == (ci != "none") for name in named), named


class Registry(BaseHTTPRequestHandler):
    """Answers as the specification of registries says: a token for everybody, then the index."""

    def do_GET(self) -> None:
        """Send a token."""
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"token": "t0ken"}' if "scope=pull" in self.path else b"{}")

    def do_HEAD(self) -> None:
        """Send an index's digest to whom has the token; of a single image, if it is asked for that."""
        known = self.headers["Authorization"] == "Bearer t0ken"
        self.send_response(200 if known else 401)
        kind = "manifest" if "single" in self.path else "index"
        if known and "image.index" in self.headers["Accept"]:
            self.send_header("Content-Type", f"application/vnd.oci.image.{kind}.v1+json")
            self.send_header("Docker-Content-Digest", DIGEST)
        self.send_header(
            "WWW-Authenticate", f'Bearer realm="http://{self.headers["Host"]}/token",scope="pull"'
        )
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


def test_a_digest_is_asked_of_the_registry() -> None:
    """Of the index, which stands for each kind of processor; what cannot be had is said, not invented."""
    with serving(Registry) as registry:
        images = [f"{registry}/a/b:1", f"{registry}/single:1", "localhost:1/a:1"]
        command = [sys.executable, str(ROOT / "pins" / "images.py"), *images]
        done = subprocess.run(command, capture_output=True, text=True)
    assert done.stdout.split() == [images[0], DIGEST, images[1], "None", images[2], "None"]
    assert done.stderr.count("no digest as before") == 2


def test_every_image_has_its_entry() -> None:
    """Each has a digest, except the one of GitLab's jobs, which Renovate pins (decision 73)."""
    without = {name for name, digest in pins.PINS["images"].items() if not digest}
    assert all(re.fullmatch(r"ghcr\.io/astral-sh/uv:python3\.\d+-trixie", name) for name in without)
    manifest = tomllib.loads((ROOT / "pins" / "pyproject.toml").read_text())
    assert list(pins.PINS["images"]) == manifest["tool"]["slipway"]["images"]
    known = {
        name.partition(":")[2].removesuffix("-slim")
        for name in pins.PINS["images"]
        if name.startswith("python:")
    }
    assert known == set(variants.choices()["python_version"])


def test_what_the_user_has_written_stays(template: Path, tmp_path: Path) -> None:
    """A service that wrote SECURITY.md and CODEOWNERS itself keeps them when the template brings its own."""
    project = Project(tmp_path / "project")
    run_copier(template, project.path, {"ci": "none"}, skip_tasks=True)
    for name in ("SECURITY.md", "CODEOWNERS"):
        assert not (project.path / name).exists()
        (project.path / name).write_text("Ours.\n")
    commit_all(project.path, "Ours")
    status, lines = copier("update", "--trust", "--defaults", "-d", "ci=github", cwd=project.path)
    assert status == 0, lines
    assert not git(project.path, "diff", "--name-only", "--diff-filter=U")
    assert {(project.path / name).read_text() for name in ("SECURITY.md", "CODEOWNERS")} == {"Ours.\n"}
