"""Edits of what is not Python: manifests, texts, and the files of platforms and CI."""

import json
from collections.abc import Callable
from typing import Any

from extensions import pins
from tests.support.project import Project, run_uv

from .edits import AbsentError, Wanted, append, edit, insert, read, replace, write


@edit("pyproject.toml", "uv.lock", "requirements.txt")
def dependency(project: Project) -> Wanted:
    """A dependency, by `uv add` or by hand."""
    if (project.path / "uv.lock").exists():
        run_uv(project.path, "add", "--quiet", "--no-sync", "iniconfig")
        return {"pyproject.toml": ['"iniconfig'], "uv.lock": ['name = "iniconfig"']}
    line = insert(project, "pyproject.toml", r"^  # Your own dependencies go below .*\n", '  "iniconfig",\n')
    (version,) = pins.PINS["packages"]["iniconfig"]
    lock = "\n".join(pins.requirements({"iniconfig": {version: None}}))
    return {**line, **append(project, "requirements.txt", f"{lock}\n")}


@edit("pyproject.toml", "uv.lock", "requirements-dev.txt")
def tool(project: Project) -> Wanted:
    """A dependency of development alone."""
    if (project.path / "uv.lock").exists():
        run_uv(project.path, "add", "--quiet", "--no-sync", "--dev", "sortedcontainers")
        return {"pyproject.toml": ['"sortedcontainers'], "uv.lock": ['name = "sortedcontainers"']}
    return insert(project, "pyproject.toml", r"^  # Your own go below .*\n", '  "sortedcontainers",\n')


@edit("pyproject.toml")
def rules(project: Project) -> Wanted:
    """Another rule of ruff, and a table of one's own, in `pyproject.toml`."""
    insert(project, "pyproject.toml", r'^select = \["E", ', '"C4", ')
    table = append(project, "pyproject.toml", "\n[tool.mine]\nours = true\n")
    return {name: [*(lines or []), '"E", "C4"'] for name, lines in table.items()}


@edit("README.md")
def readme(project: Project) -> Wanted:
    """A README.md of one's own."""
    return write(project, "README.md", "# Orders\n\nHow we deploy: ask Ada.\n\n## On call\n\nAda, and Bob.\n")


@edit("README.md")
def section(project: Project) -> Wanted:
    """A section at the end of README.md."""
    return append(project, "README.md", "\n## On call\n\nAda, and Bob.\n")


@edit("README.md")
def row(project: Project) -> Wanted:
    """A row in README.md's table of settings."""
    place = r"^\| `[A-Z0-9_]+` \| .*\n(?!\| `)"
    return insert(project, "README.md", place, "| `MY_SETTING` | `mine` | Ours. |\n")


@edit("README.md")
def heading(project: Project) -> Wanted:
    """A heading and a sentence at the start of README.md."""
    replace(project, "README.md", r"^## Run$", "Ask Ada first.\n\n## Run it here")
    return {"README.md": ["Ask Ada first.", "## Run it here"]}


@edit(".env.example")
def variable(project: Project) -> Wanted:
    """A line at the end of `.env.example`."""
    return append(project, ".env.example", "MY_SETTING=mine\n")


@edit(".env.example")
def value(project: Project) -> Wanted:
    """Another value in `.env.example`."""
    return replace(project, ".env.example", r"^(# )?LOG_LEVEL=.*", "LOG_LEVEL=warning")


@edit(".gitignore")
def ignored(project: Project) -> Wanted:
    """A line at the end of `.gitignore`."""
    return append(project, ".gitignore", "/ours/\n")


@edit("Procfile")
def reports(project: Project) -> Wanted:
    """A process type at the end of the Procfile."""
    return append(project, "Procfile", f"reports: python -m {project.name}.reports\n")


@edit("Procfile")
def proxy(project: Project) -> Wanted:
    """Another command of `web` in the Procfile."""
    return replace(project, "Procfile", "^web: ", "web: bin/proxy ")


def described(project: Project, change: Callable[[Any], object], *lines: str) -> Wanted:
    """Change app.json as a program does."""
    about = json.loads(read(project, "app.json"))
    try:
        change(about)
    except (KeyError, TypeError):
        raise AbsentError("app.json") from None
    write(project, "app.json", json.dumps(about, indent=2) + "\n")
    return {"app.json": lines}


@edit("app.json")
def config(project: Project) -> Wanted:
    """A variable in `app.json`, written by a program."""
    return described(project, lambda about: about["env"].update(OURS={"value": "1"}), '"OURS": {')


@edit("app.json")
def addon(project: Project) -> Wanted:
    """An add-on in `app.json`, by hand."""
    return insert(project, "app.json", r'"addons": \[\n', '    { "plan": "papertrail" },\n')


@edit("app.json")
def dyno(project: Project) -> Wanted:
    """Another size of `web` in `app.json`, by hand."""
    line = '"web": { "quantity": 1, "size": "performance-m" }'
    return replace(project, "app.json", r'"web": \{ "quantity": 1, "size": "standard-1x" \}', line)


@edit("Dockerfile")
def apt(project: Project) -> Wanted:
    """A package of Debian in the Dockerfile."""
    line = "RUN apt-get update && apt-get install --yes libvips\n"
    return insert(project, "Dockerfile", r"^FROM python:\S+\nWORKDIR /app\n", line)


@edit("compose.yaml")
def container(project: Project) -> Wanted:
    """A container in `compose.yaml`."""
    return insert(project, "compose.yaml", r"^services:\n", "  mailpit:\n    image: axllent/mailpit\n\n")


@edit(".github/workflows/ci.yml", ".gitlab-ci.yml")
def step(project: Project) -> Wanted:
    """A step or a job of CI."""
    if (project.path / ".gitlab-ci.yml").exists():
        return append(project, ".gitlab-ci.yml", "\nours:\n  script: [echo mine]\n")
    place = r"^      - run: .*(dev check|pytest)\n"
    return insert(project, ".github/workflows/ci.yml", place, "      - run: echo mine\n")


@edit("render.yaml")
def render(project: Project) -> Wanted:
    """A variable in `render.yaml`."""
    line = '      - { key: OURS, value: "1" } # ours\n'
    return insert(project, "render.yaml", r"^      - fromGroup: .*\n", line)


@edit("fly.toml")
def fly(project: Project) -> Wanted:
    """A process in `fly.toml`."""
    return insert(project, "fly.toml", r"^\[processes\]\n", 'mailer = "python -m mailer"\n')


@edit("deploy/kubernetes/*")
def manifest(project: Project) -> Wanted:
    """A manifest for Kubernetes, listed with the others."""
    name = "deploy/kubernetes/base"
    listed = insert(project, f"{name}/kustomization.yaml", r"^resources:\n", "  - ours.yaml\n")
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ours\n"
    return {**listed, **write(project, f"{name}/ours.yaml", text)}
