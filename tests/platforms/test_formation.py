"""One formation, one source: every platform's file repeats the Procfile and lists the settings."""

import json
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from extensions import formation, variables
from tests.support import variants
from tests.support.project import Project, union

PROCFILE_LINE = re.compile(r"[a-z][a-z0-9-]*: \S.*")
# How a file names a variable at the beginning of a line, set or as a comment with the default.
LISTED = re.compile(r"^ *(?:# ?)?(?:- \{ key: )?\"?([A-Z][A-Z0-9_]+)\"?(?: =|[=:,])", re.MULTILINE)
LISTS = {
    "heroku": "app.json",
    "kubernetes": "deploy/kubernetes/base/config.env",
    "fly": "fly.toml",
    "render": "render.yaml",
}
WITH_COMMANDS = ("compose.yaml", "fly.toml", "render.yaml")


def fields(project: Project) -> dict[str, tuple[str, str]]:
    """Return the default of each of the project's settings, as its README writes it, and the meaning."""
    rows = re.findall(
        r"^\| `([A-Z0-9_]+)` \| (.+?) \| (.+) \|$", (project.path / "README.md").read_text(), re.M
    )
    return {name: (default.strip("`"), meaning) for name, default, meaning in rows}


def entry(name: str) -> variables.Setting:
    return next(setting for setting in variables.SETTINGS if setting.name == name)


def documents(folder: Path) -> Iterator[dict[str, Any]]:
    for file in sorted(folder.rglob("*.yaml")):
        yield from yaml.safe_load_all(file.read_text())


def pods(project: Project) -> dict[str, dict[str, Any]]:
    """Return the pod of each process type."""
    base = project.path / "deploy" / "kubernetes" / "base"
    specs = (
        found["spec"]["template"]["spec"] for found in documents(base) if "template" in found.get("spec", {})
    )
    return {spec["containers"][0]["name"]: spec for spec in specs}


def test_the_formation_knows_every_setting(deployed: Project) -> None:
    """The defaults and descriptions are those of `Settings`, which the README repeats, by its own test."""
    for name, (default, meaning) in fields(deployed).items():
        assert entry(name).does == meaning
        assert entry(name).default == default.removeprefix("empty").removeprefix("required"), name


@pytest.mark.parametrize("platform", LISTS)
def test_a_platform_lists_every_setting(deployed: Project, platform: str) -> None:
    """C-9: each that may be set there, once, and no other."""
    text = (deployed.path / LISTS[platform]).read_text()
    listed = LISTED.findall(text)
    expected = [name for name in fields(deployed) if entry(name).is_listed(platform)]
    assert sorted(set(listed)) == sorted(expected)
    if platform != "render":  # whose services each refer to a URL
        assert len(listed) == len(set(listed))


@pytest.mark.parametrize("platform", LISTS)
def test_what_a_platform_sets_differs_from_the_default(platform: str) -> None:
    for setting in formation.formation({}).listed(platform):
        if value := setting.on(platform):
            assert value != setting.default
            assert setting.why


@pytest.mark.parametrize("line", ["web:python -m x", "Web: python", "we b: x", "web: ", ": x", " web: x"])
def test_a_bad_line_of_a_procfile_would_be_seen(line: str) -> None:
    assert not PROCFILE_LINE.fullmatch(line)


def test_a_fresh_service_lists_its_settings_as_its_own_command_does(deployed: Project, shared: Path) -> None:
    """C-9: `python -m dev settings` changes nothing."""
    before = {path: path.read_bytes() for path in deployed.path.rglob("*") if path.is_file()}
    done = subprocess.run(
        [str(union(shared) / "bin" / "python"), "-B", "-m", "dev", "settings"],
        cwd=deployed.path,
        env={},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert all(path.read_bytes() == text for path, text in before.items())


def test_the_procfile_has_the_formation(deployed: Project) -> None:
    """C-1, in Heroku's grammar; without a comment, and each type once."""
    lines = (deployed.path / "Procfile").read_text().splitlines()
    assert all(PROCFILE_LINE.fullmatch(line) for line in lines)
    known = [process.name for process in formation.PROCESSES]
    types = [line.partition(":")[0] for line in lines]
    assert set(types) <= set(known)
    assert len(set(types)) == len(types)


@pytest.mark.parametrize("file", WITH_COMMANDS)
def test_a_platform_runs_the_words_of_the_procfile(deployed: Project, file: str) -> None:
    """C-2: each command of the Procfile is there, and nothing else runs."""
    text = (deployed.path / file).read_text()
    commands = re.findall(rf"python -m {deployed.name} [a-z]+", text)
    assert sorted(commands) == sorted(" ".join(words) for words in deployed.procfile().values())


def test_kubernetes_and_the_image_run_the_words_of_the_procfile(deployed: Project) -> None:
    """C-2."""
    commands = {name: pod["containers"][0]["command"] for name, pod in pods(deployed).items()}
    assert commands == deployed.procfile()
    [*_, last] = (deployed.path / "Dockerfile").read_text().splitlines()
    assert json.loads(last.removeprefix("CMD ")) == deployed.procfile()["web"]


def test_app_json_has_the_formation(deployed: Project) -> None:
    app = json.loads((deployed.path / "app.json").read_text())
    assert sorted(app["formation"]) == sorted(set(deployed.procfile()) - {"release"})
    assert app["buildpacks"] == [{"url": "heroku/python"}]
    assert "stack" not in app


def test_every_platform_waits_longer_than_the_service_may_take(deployed: Project) -> None:
    """C-15: the drain, the grace, and 2 s; Heroku waits for 30 s."""
    defaults = {name: default for name, (default, _) in fields(deployed).items()}

    def seconds(**other: str) -> int:
        values = {**defaults, **other}
        return int(values["SHUTDOWN_DRAIN_SECONDS"]) + int(values["SHUTDOWN_GRACE_SECONDS"]) + 2

    assert seconds() < 30
    assert tomllib.loads((deployed.path / "fly.toml").read_text())["kill_timeout"] > seconds()
    services = yaml.safe_load((deployed.path / "render.yaml").read_text())["services"]
    assert all(found["maxShutdownDelaySeconds"] > seconds() for found in services if "startCommand" in found)
    config = (deployed.path / LISTS["kubernetes"]).read_text()
    other = dict(re.findall(r"^(SHUTDOWN_\w+)=(.+)$", config, re.MULTILINE))
    periods = [
        pod.get("terminationGracePeriodSeconds", 0)
        for name, pod in pods(deployed).items()
        if name != "release"
    ]
    assert all(period > seconds(**other) for period in periods)


def test_what_has_no_port_is_asked_by_check(deployed: Project) -> None:
    """C-4: a worker's and a clock's health."""
    for name, pod in pods(deployed).items():
        container = pod["containers"][0]
        if name not in ("web", "release"):
            assert container["readinessProbe"]["exec"]["command"] == [*deployed.procfile()[name][:3], "check"]
            assert "ports" not in container


def test_every_platform_asks_for_health(deployed: Project) -> None:
    """C-11: readiness decides on requests, liveness on a restart."""
    web = pods(deployed)["web"]["containers"][0]
    assert web["livenessProbe"]["httpGet"]["path"] == "/livez"
    assert web["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert web["startupProbe"]["httpGet"]["path"] == "/livez"
    [check] = tomllib.loads((deployed.path / "fly.toml").read_text())["http_service"]["checks"]
    assert check["path"] == "/readyz"
    assert (
        yaml.safe_load((deployed.path / "render.yaml").read_text())["services"][0]["healthCheckPath"]
        == "/readyz"
    )
    assert "'/livez'" in (deployed.path / "Dockerfile").read_text()


def test_each_answer_brings_its_files(deployed: Project) -> None:
    chosen = [*deployed.answers()["platforms"], deployed.answers()["ci"]]
    assert all((deployed.path / file).exists() for choice in chosen for file in variants.FILES[choice])
