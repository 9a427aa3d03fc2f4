"""The platforms' own schemas and linters find nothing, and each would tell if there were something."""

from pathlib import Path

import pytest

from tests.conftest import Render
from tests.support import variants
from tests.support.project import Project

from . import tools
from .conftest import SHAPES
from .tools import Check

OVERLAY = "deploy/kubernetes/overlays/production/kustomization.yaml"
WEB = "deploy/kubernetes/base/web.yaml"
CI, UPDATE = ".github/workflows/ci.yml", ".github/workflows/update.yml"
DEPENDABOT = ".github/dependabot.yml"

HADOLINT = tools.command("hadolint")
TOMBI = tools.command("tombi", "lint", "--offline")
ZIZMOR = tools.command("zizmor", "--offline")
GITHUB = tools.schema("github-workflows")
GITLAB = tools.schema("gitlab-ci", "--data-transform", "gitlab-ci")

CHECKS = {
    "hadolint": Check("Dockerfile", HADOLINT, "USER 10001:10001", "USER root", "DL3002"),
    "hadolint-tag": Check("Dockerfile", HADOLINT, "FROM python:3", "FROM python\n#", "DL3006"),
    "compose-schema": Check(
        "compose.yaml", tools.schema("compose-spec"), "read_only:", "readonly:", "readonly"
    ),
    "compose-config": Check("compose.yaml", tools.compose, ':8000"]', ':eight"]', "eight"),
    "app-json": Check("app.json", tools.heroku, '"required"', '"requird"', "'requird' was unexpected"),
    "kustomize": Check(OVERLAY, tools.kustomize, "../../base", "../../bass", "bass"),
    "kubernetes-type": Check(OVERLAY, tools.kubernetes, "minReplicas: 2", "minReplicas: two", "of type", WEB),
    "kubernetes-name": Check(OVERLAY, tools.kubernetes, "targetPort", "tragetPort", "tragetPort", WEB),
    "fly-toml": Check("fly.toml", TOMBI, "[env]", "[env", "fly.toml"),
    "pyproject-tombi": Check("pyproject.toml", TOMBI, "\ndependencies", "\ndependecies", "dependecies"),
    "pyproject": Check(
        "pyproject.toml", tools.command("validate-pyproject"), "\nversion", "\nvresion", "version"
    ),
    "ci-schema": Check(CI, GITHUB, "runs-on", "run-on", "run-on"),
    "ci-actionlint": Check(CI, tools.command("actionlint"), "ubuntu-24.04", "ubuntu-9000", "unknown"),
    "ci-zizmor": Check(CI, ZIZMOR, "persist-credentials: false", "show-progress: true", "artipacked"),
    "update-schema": Check(UPDATE, GITHUB, "runs-on", "run-on", "run-on"),
    "update-actionlint": Check(UPDATE, tools.command("actionlint"), "github.token", "github.tokn", "tokn"),
    "update-zizmor": Check(UPDATE, ZIZMOR, "@3d3c42e5aac5ba805825da76410c181273ba90b1", "@v7", "unpin"),
    "dependabot-schema": Check(DEPENDABOT, tools.schema("dependabot"), "weekly", "wekly", "wekly"),
    "dependabot-zizmor": Check(DEPENDABOT, ZIZMOR, "default-days: 7", "default-days: 0", "cooldown"),
    "gitlab": Check(".gitlab-ci.yml", GITLAB, "script:", "scrpt:", "scrpt"),
    "gitlab-reserved": Check(".gitlab-ci.yml", GITLAB, "\nbuild:", "\nimage:", "image"),
    "renovate": Check("renovate.json", tools.schema("renovate"), '"7 days"', "7", "is not of type 'string'"),
}


@pytest.fixture(scope="module", params=[*SHAPES[:4], *SHAPES[-2:]], ids=variants.label)
def deployed(request: pytest.FixtureRequest, render: Render) -> Project:
    """Return a project for each package manager with each CI, and those of Django."""
    return Project(render(request.param, skip_tasks=True))


@pytest.mark.parametrize("name", {(check.file, check.run): name for name, check in CHECKS.items()}.values())
def test_a_tool_of_others_finds_nothing(deployed: Project, name: str, tmp_path: Path) -> None:
    check = CHECKS[name]
    if not (deployed.path / check.file).exists():
        assert check.file.startswith((".git", "renovate"))  # another shape has it
        return
    project = deployed.copy(tmp_path / "project")
    done = check.run(Path(check.file), project.path)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", CHECKS)
def test_a_tool_of_others_would_tell(render: Render, name: str, tmp_path: Path) -> None:
    """Each check fails on a file that is broken in a way which it is there to find."""
    check = CHECKS[name]
    ci = "gitlab" if check.file in (".gitlab-ci.yml", "renovate.json") else "github"
    shape = next(shape for shape in SHAPES if shape["ci"] == ci)
    project = Project(render(shape, skip_tasks=True)).copy(tmp_path / "project")
    file = project.path / (check.broken or check.file)
    text = file.read_text()
    assert check.old in text
    file.write_text(text.replace(check.old, check.new))
    done = check.run(Path(check.file), project.path)
    assert done.returncode != 0, f"it does not mind {check.new!r}"
    assert check.complaint in done.stdout + done.stderr
