"""The rows of the table: what ours took, what the other side took, round by round."""

import statistics
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Row:
    """One figure of the benchmark, on two sides, or on ours alone."""

    group: str
    name: str
    unit: str
    goal: str = ""
    """What the ratio should be, such as "≥ 0.80"."""
    ours: list[float] = field(default_factory=list)
    other: list[float] = field(default_factory=list)

    def add(self, ours: float, other: float | None = None) -> None:
        """Add a round."""
        self.ours.append(ours)
        if other is not None:
            self.other.append(other)

    def ratios(self) -> list[float]:
        """Return ours by the other's, of each round, sorted."""
        return sorted(one / other for one, other in zip(self.ours, self.other, strict=bool(self.other)))

    def as_dict(self) -> dict[str, Any]:
        """Return it for a JSON file."""
        found: dict[str, Any] = {"group": self.group, "name": self.name, "unit": self.unit, "goal": self.goal}
        found |= {"ours": round(statistics.median(self.ours), 3), "rounds": len(self.ours)}
        if ratios := self.ratios():
            found["other"] = round(statistics.median(self.other), 3)
            found["ratio"] = round(statistics.median(ratios), 3)
            found["spread"] = [round(ratios[0], 3), round(ratios[-1], 3)]
        return found


class Rows:
    """The rows by their names, in the order in which they came."""

    def __init__(self, group: str) -> None:
        self.group = group
        self.by_name: dict[str, Row] = {}

    def add(self, name: str, unit: str, ours: float, other: float | None = None, goal: str = "") -> None:
        """Add a round to the row of that name."""
        self.by_name.setdefault(name, Row(self.group, name, unit, goal)).add(ours, other)

    def all(self) -> list[Row]:
        """Return them."""
        return list(self.by_name.values())
