"""fly.toml and render.yaml, for which no schema can be had offline: every key is a documented one."""

import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.support.project import Project

# https://fly.io/docs/reference/configuration/
FLY = {
    *("app", "primary_region", "kill_signal", "kill_timeout"),
    *("deploy", "deploy.release_command", "deploy.strategy"),
    *("env", "processes"),
    *("http_service", "http_service.processes", "http_service.internal_port", "http_service.force_https"),
    *("http_service.auto_stop_machines", "http_service.auto_start_machines"),
    *("http_service.concurrency", "http_service.concurrency.type"),
    *("http_service.concurrency.soft_limit", "http_service.concurrency.hard_limit"),
    *("http_service.checks", "http_service.checks.path", "http_service.checks.method"),
    *("http_service.checks.interval", "http_service.checks.timeout", "http_service.checks.grace_period"),
    *("vm", "vm.size", "vm.memory", "vm.processes"),
}
# https://render.com/docs/blueprint-spec
RENDER = {
    *("services", "services.type", "services.name", "services.runtime", "services.plan"),
    *("services.buildCommand", "services.preDeployCommand", "services.startCommand"),
    *("services.healthCheckPath", "services.maxShutdownDelaySeconds"),
    *("services.maxmemoryPolicy", "services.ipAllowList"),  # of type keyvalue
    *("services.envVars", "services.envVars.fromGroup", "services.envVars.key", "services.envVars.value"),
    *("services.envVars.fromDatabase", "services.envVars.fromDatabase.name"),
    *("services.envVars.fromDatabase.property", "services.envVars.fromService"),
    *("services.envVars.fromService.type", "services.envVars.fromService.name"),
    "services.envVars.fromService.property",
    *("databases", "databases.name", "databases.plan", "databases.postgresMajorVersion"),
    "databases.ipAllowList",
    *("envVarGroups", "envVarGroups.name", "envVarGroups.envVars", "envVarGroups.envVars.key"),
    *("envVarGroups.envVars.value", "envVarGroups.envVars.generateValue"),
}
FREE = ("env", "processes")  # tables whose keys are the user's


def keys(value: Any, path: str = "") -> Iterator[str]:
    """Yield every key in a document, with those above it; the places in a list do not count."""
    if isinstance(value, list):
        for item in value:
            yield from keys(item, path)
    elif isinstance(value, dict) and path not in FREE:
        for name, inner in value.items():
            yield f"{path}.{name}".removeprefix(".")
            yield from keys(inner, f"{path}.{name}".removeprefix("."))


def fly(text: str) -> set[str]:
    return set(keys(tomllib.loads(text)))


def blueprint(text: str) -> set[str]:
    return set(keys(yaml.safe_load(text)))


def test_fly_knows_every_key(deployed: Project) -> None:
    text = (deployed.path / "fly.toml").read_text()
    assert fly(text) <= FLY
    for key in ("kill_timeout", "force_https", "soft_limit", "grace_period"):
        assert not fly(text.replace(key, f"{key}s")) <= FLY  # it would tell


def test_render_knows_every_key(deployed: Project) -> None:
    text = (deployed.path / "render.yaml").read_text()
    assert blueprint(text) <= RENDER
    for key in ("healthCheckPath", "startCommand", "fromGroup", "envVarGroups"):
        assert not blueprint(text.replace(key, f"{key}s")) <= RENDER


def test_every_reference_in_a_blueprint_has_what_it_refers_to(deployed: Project) -> None:
    read = yaml.safe_load((deployed.path / "render.yaml").read_text())
    groups = {group["name"] for group in read["envVarGroups"]}
    databases = {database["name"] for database in read.get("databases", [])}
    services = {service["name"]: service["type"] for service in read["services"]}
    for variable in (found for service in read["services"] for found in service.get("envVars", [])):
        assert variable.get("fromGroup", next(iter(groups))) in groups
        if source := variable.get("fromDatabase"):
            assert source["name"] in databases
        if source := variable.get("fromService"):
            assert services[source["name"]] == source["type"]
    assert all(service["type"] in ("web", "worker", "keyvalue") for service in read["services"])


@pytest.mark.parametrize("name", ["web"])
def test_every_group_of_machines_that_fly_is_told_of_runs(deployed: Project, name: str) -> None:
    read = tomllib.loads((deployed.path / "fly.toml").read_text())
    assert set(read["processes"]) == set(deployed.procfile()) - {"release"}
    assert read["http_service"]["processes"] == [name]
    assert ("deploy" in read) == ("release" in deployed.procfile())
