"""The image and the compose file: what the linters of others do not look at."""

import re
from typing import Any

import yaml

from tests.support.project import Project


def dockerfile(project: Project) -> str:
    return (project.path / "Dockerfile").read_text()


def compose(project: Project) -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((project.path / "compose.yaml").read_text())
    return read


def test_the_dockerfile_reads_on_one_page(deployed: Project) -> None:
    """Issue 6: two stages, 30 lines, base image by minor version, locked, exec form, no secret."""
    text = dockerfile(deployed)
    assert len(text.splitlines()) <= 30
    version = deployed.answers()["python_version"]
    assert re.findall(r"^FROM ([^\s@]+)", text, re.MULTILINE) == [f"python:{version}-slim"] * 2
    assert "--locked" in text or "--require-hashes" in text
    assert not re.search(r"^(CMD|ENTRYPOINT) [^[]", text, re.MULTILINE)
    assert not re.search(r"^ARG (?!REVISION=)", text, re.MULTILINE)
    assert "HEALTHCHECK" in text
    assert not re.search("curl|wget|apt-get", text)


def test_no_instruction_is_newer_than_what_builds_images_elsewhere(deployed: Project) -> None:
    """Neither heredocs nor COPY --link: buildah, and with it many a CI, has not had them for long."""
    assert not re.search(r"<<|--link", dockerfile(deployed))


def test_only_what_is_named_gets_into_the_image(deployed: Project) -> None:
    """C-5: no .env, no history."""
    lines = (deployed.path / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if not line.startswith("#")]
    assert rules[0] == "*"
    allowed = {rule.removeprefix("!") for rule in rules if rule.startswith("!")}
    files = {"pyproject.toml", "uv.lock", "requirements.txt", ".python-version", "manage.py"}
    assert allowed <= {*files, deployed.name}
    used = set(re.findall(r"[\w.-]+\.(?:toml|lock|txt|py)\b|\.python-version", dockerfile(deployed)))
    assert used <= allowed


def test_compose_runs_the_formation_after_its_release(deployed: Project) -> None:
    services = compose(deployed)["services"]
    commands = deployed.procfile()
    assert commands.keys() <= services.keys()
    for name in services.keys() - commands.keys():  # backing services
        assert "healthcheck" in services[name]
        assert re.fullmatch(r"\w+:\d+(@sha256:[0-9a-f]{64})?", services[name]["image"])
    for name in commands:
        waits = services[name].get("depends_on", {})
        if name == "release":
            assert {found["condition"] for found in waits.values()} == {"service_healthy"}
        elif "release" in commands:
            assert waits == {"release": {"condition": "service_completed_successfully"}}
        assert services[name]["read_only"]
        assert services[name]["cap_drop"] == ["ALL"]
