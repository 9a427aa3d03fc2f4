"""IV. Backing services: attached by settings alone (C-5, C-11)."""

import json
import re

import pytest

from tests.conftest import Start
from tests.support.client import Connection, inside_network_of
from tests.support.isolation import WITHOUT_NETWORK, needs
from tests.support.project import Project

EXAMPLES = (
    "postgres://user:password@host:5432/name",
    "redis://user:password@host:6379/0",
    "rediss://…",
    "https://app.example.com",
)


def test_the_code_names_no_host(pristine: Project) -> None:
    """C-5: what it talks to comes from the environment."""
    for file in pristine.package.rglob("*.py"):
        for url in re.findall(r"\b[a-z+]+://[^\s\"'`){]+", file.read_text()):
            if url.startswith(EXAMPLES):
                continue
            assert url.startswith("https://"), f"{file}: {url}"  # documentation, in a comment
            assert re.search(rf"#.*{re.escape(url)}", file.read_text()), f"{file}: {url}"


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_health_needs_no_network(start: Start, probed: Project, path: str) -> None:
    """C-11: but that of what is attached, which is a unix socket here, or nothing."""
    if path == "/readyz" and probed.has_redis:
        pytest.skip("Redis is reached by network alone.")
    needs(WITHOUT_NETWORK)
    service = start(isolation=WITHOUT_NETWORK)
    port = service.port
    response, body = inside_network_of(service.root, lambda: Connection(port).get(path))
    assert response.status == 200
    assert json.loads(body)
