"""docs/security.md: each requirement that it calls met names a test that is there."""

import re

from tests.support.template import ROOT


def test_what_is_called_met_names_its_tests() -> None:
    met, left = (ROOT / "docs" / "security.md").read_text().split("## Left to you")
    rows = [line.split("|")[1:-1] for line in met.splitlines() if re.match(r"\| \d", line)]
    tests = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)
    }
    named = [re.findall(r"`(test_\w+)`", row[-1]) for row in rows]
    assert all(named)
    assert not {name for names in named for name in names} - tests
    numbers = re.findall(r"\b\d+\.\d+\.\d+\b", "".join(row[0] for row in rows))
    assert len(numbers) == len(set(numbers)), "a requirement has one row"
    assert not set(numbers) & set(re.findall(r"^\| ([\d.]+)", left, re.MULTILINE))
