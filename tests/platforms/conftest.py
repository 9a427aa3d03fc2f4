"""What the tests of platforms render: every platform at once, in each way that differs."""

import itertools
from typing import Any

import pytest

from extensions.options import conflict
from tests.conftest import Render
from tests.support import variants
from tests.support.project import Project

# The answers that change the formation.
FORMATIONS = ("database", "queue", "clock")
EVERY = variants.choices()["platforms"][-1]
ANSWERS = [
    dict(zip(FORMATIONS, values, strict=True))
    for values in itertools.product(*(variants.choices()[name] for name in FORMATIONS))
]
# Over all formations each package manager with each CI.
TOOLS = itertools.cycle([("uv", "github"), ("pip", "gitlab"), ("pip", "github"), ("uv", "gitlab")])
SHAPES: list[dict[str, Any]] = [
    {**answers, "platforms": EVERY, "package_manager": manager, "ci": ci}
    for answers, (manager, ci) in zip((it for it in ANSWERS if not conflict(it)), TOOLS, strict=False)
]
# Which has a secret of its own, and assets that the build collects.
SHAPES += [{**shape, "framework": "django"} for shape in (SHAPES[0], SHAPES[-1])]


@pytest.fixture(scope="session", params=SHAPES, ids=variants.label)
def deployed(request: pytest.FixtureRequest, render: Render) -> Project:
    """Return a project for every platform. It is not to be changed."""
    return Project(render(request.param, skip_tasks=True))
