"""Kubernetes: selectors, references and the restricted Pod Security, which schemas do not look at."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.project import Project

from . import tools

OVERLAY = Path("deploy/kubernetes/overlays/production/kustomization.yaml")


@pytest.fixture
def built(deployed: Project) -> list[dict[str, Any]]:
    """Return what the overlay applies."""
    done = tools.kustomize(OVERLAY, deployed.path)
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def of(built: list[dict[str, Any]], *kinds: str) -> list[dict[str, Any]]:
    return [found for found in built if found["kind"] in kinds]


def test_there_is_what_each_process_type_needs(built: list[dict[str, Any]], deployed: Project) -> None:
    """A Deployment each, a Job for the release, and around `web` all that scales, exposes and protects it."""
    processes = set(deployed.procfile())
    name = deployed.answers()["project_slug"]
    deployments = {found["metadata"]["name"] for found in of(built, "Deployment")}
    assert deployments == {f"{name}-{process}" for process in processes - {"release"}}
    assert len(of(built, "Job")) == len(processes & {"release"})
    for kind in ("Service", "Ingress", "HorizontalPodAutoscaler", "PodDisruptionBudget", "Namespace"):
        assert len(of(built, kind)) == 1, kind
    assert all(found["kind"] == "Namespace" or found["metadata"]["namespace"] == name for found in built)


def test_selectors_select(built: list[dict[str, Any]]) -> None:
    pods = {
        found["metadata"]["name"]: found["spec"]["template"]["metadata"]["labels"]
        for found in of(built, "Deployment")
    }
    for found in of(built, "Deployment"):
        assert found["spec"]["selector"]["matchLabels"].items() <= pods[found["metadata"]["name"]].items()
        assert "replicas" not in found["spec"] or not found["metadata"]["name"].endswith("-web")
    [web] = [labels for name, labels in pods.items() if name.endswith("-web")]
    [service], [budget] = of(built, "Service"), of(built, "PodDisruptionBudget")
    assert service["spec"]["selector"].items() <= web.items()
    assert budget["spec"]["selector"]["matchLabels"].items() <= web.items()
    others = [labels for labels in pods.values() if labels != web]
    assert not any(service["spec"]["selector"].items() <= labels.items() for labels in others)


def test_references_refer(built: list[dict[str, Any]]) -> None:
    """Ports by their names, the autoscaler's and the ingress's targets, and the configuration by its hash."""
    [service], [ingress] = of(built, "Service"), of(built, "Ingress")
    [scaler], [config] = of(built, "HorizontalPodAutoscaler"), of(built, "ConfigMap")
    deployments = {found["metadata"]["name"]: found for found in of(built, "Deployment")}
    web = deployments[scaler["spec"]["scaleTargetRef"]["name"]]["spec"]["template"]["spec"]["containers"][0]
    assert [port["name"] for port in web["ports"]] == [service["spec"]["ports"][0]["targetPort"]]
    backend = ingress["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]
    assert (backend["name"], backend["port"]["name"]) == (service["metadata"]["name"], "http")
    assert ingress["spec"]["rules"][0]["host"] in ingress["spec"]["tls"][0]["hosts"]
    for found in of(built, "Deployment", "Job"):
        [container] = found["spec"]["template"]["spec"]["containers"]
        sources = [
            source["configMapRef"]["name"] for source in container["envFrom"] if "configMapRef" in source
        ]
        assert sources == [config["metadata"]["name"]]
        assert container["image"].startswith("registry.example.com/")


def test_pods_are_restricted(built: list[dict[str, Any]]) -> None:
    """https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted, and C-3."""
    for found in of(built, "Deployment", "Job"):
        pod = found["spec"]["template"]["spec"]
        assert pod["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
        assert pod["automountServiceAccountToken"] is False
        assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
        assert all("emptyDir" in volume for volume in pod["volumes"])
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
                "readOnlyRootFilesystem": True,
            }
            assert container["resources"].keys() == {"requests", "limits"}
    [namespace] = of(built, "Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
