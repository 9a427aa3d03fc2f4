"""What the tests of platforms render: every platform at once, in each way that differs."""

import itertools
from typing import Any

import pytest

from extensions.formation import conflict
from tests.conftest import Render
from tests.support import variants
from tests.support.project import Project

# The answers that change the formation.
FORMATIONS = ("database", "queue", "clock")
EVERY = variants.choices()["platforms"][-1]
# Both package managers and both CIs for each formation, and over all formations each with each.
TOOLS = itertools.cycle([("uv", "github"), ("pip", "gitlab"), ("pip", "github"), ("uv", "gitlab")])
SHAPES: list[dict[str, Any]] = [
    {
        **dict(zip(FORMATIONS, formation, strict=True)),
        "platforms": EVERY,
        "package_manager": manager,
        "ci": ci,
    }
    for formation in itertools.product(*(variants.choices()[name] for name in FORMATIONS))
    if not conflict(dict(zip(FORMATIONS, formation, strict=True)))
    for manager, ci in itertools.islice(TOOLS, 2)
]


@pytest.fixture(scope="session", params=SHAPES, ids=variants.label)
def deployed(request: pytest.FixtureRequest, render: Render) -> Project:
    """Return a project for every platform. It is not to be changed."""
    return Project(render(request.param, skip_tasks=True))
