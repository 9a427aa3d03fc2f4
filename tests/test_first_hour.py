"""A test follows README.md and the README of a service literally."""

from pathlib import Path

import pytest

from tests import first_hour
from tests.support import variants
from tests.support.selection import frameworks


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("framework", frameworks(variants.LEADING))
def test_the_readmes_are_followed(framework: str, tmp_path: Path) -> None:
    """The service is launched, responds, stops on Ctrl-C, and passes its own checks."""
    assert first_hour.follow(first_hour.clone(tmp_path), framework, {}) > 0
