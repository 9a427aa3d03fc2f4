"""docs/security.md and docs/idioms.md: each row with a claim names tests that exist."""

import re

import pytest

from tests.support.template import ROOT


def rows(page: str, pattern: str) -> list[list[str]]:
    """Return the cells of each row that matches, up to the part about the user's own duties."""
    met = (ROOT / "docs" / page).read_text().split("## Left to you")[0]
    return [line.split("|")[1:-1] for line in met.splitlines() if re.match(pattern, line)]


@pytest.mark.parametrize("page", ["security.md", "idioms.md"])
def test_what_is_called_met_names_its_tests(page: str) -> None:
    tests = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)
    }
    named = [re.findall(r"`(test_\w+)`", row[-1]) for row in rows(page, r"\| \d")]
    assert named
    assert all(named)
    assert not {name for names in named for name in names} - tests


def test_a_requirement_has_one_row() -> None:
    numbers = re.findall(r"\b\d+\.\d+\.\d+\b", "".join(row[0] for row in rows("security.md", r"\| \d")))
    assert len(numbers) == len(set(numbers))
    left = (ROOT / "docs" / "security.md").read_text().split("## Left to you")[1]
    assert not set(numbers) & set(re.findall(r"^\| ([\d.]+)", left, re.MULTILINE))


def test_each_case_has_one_row() -> None:
    assert [int(row[0]) for row in rows("idioms.md", r"\| \d")] == list(range(1, 27))
