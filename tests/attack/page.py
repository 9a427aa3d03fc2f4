"""The tables that a run of the attacks writes."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.updates.page import table

from . import overload, raw, slow
from .others import Health, Ordinary

GROUPS = ("2xx", "3xx", "4xx", "5xx", "1xx", "closed")


@dataclass
class Raw:
    """The results of the raw inputs."""

    outcomes: list[raw.Outcome]
    smuggled: int
    ordinary: Ordinary
    health: Health


@dataclass
class Run:
    """The results of one framework's service."""

    framework: str
    inputs: Raw | None = None
    delays: list[slow.Outcome] = field(default_factory=list)
    loads: list[overload.Outcome] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    """Unexpected lines in the log."""
    deaths: int = 0

    def broken(self) -> list[str]:
        """Return a line for each broken promise. Times are not judged."""
        lines = ["the process died"] * self.deaths + [f"in the log: {line[:300]}" for line in self.told]
        if self.inputs:
            lines += [
                f"{each.input.kind}: {what}: {each.input.data[:300]!r}"
                for each in self.inputs.outcomes
                for what in each.broken
            ]
            lines += ["a request was smuggled"] * self.inputs.smuggled
            lines += _lost("raw inputs", self.inputs.ordinary.failures, self.inputs.health)
            lines += _unready("raw inputs", self.inputs.health)
        for one in self.delays:
            lines += _lost(f"{one.count} {one.about}", one.lost, one.health)
            lines += _unready(f"{one.count} {one.about}", one.health)
            if one.closed < one.count:
                lines.append(f"{one.count - one.closed} of {one.count} {one.about} were not closed")
        for other in self.loads:
            lines += _lost(f"{other.connections} connections", [], other.health)
            if other.failed:
                lines.append(
                    f"{other.connections} connections: {other.failed} were neither answered nor refused"
                )
        return [f"{self.framework}: {line}" for line in lines]


def _lost(about: str, failures: Iterable[str], health: Health) -> list[str]:
    return [f"{about}: lost: {failure}" for failure in (*failures, *health.failures)]


def _unready(about: str, health: Health) -> list[str]:
    return [f"{about}: /readyz was not ready {health.unready} times"] if health.unready else []


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"


def raw_inputs(runs: Iterable[Run]) -> str:
    """Return a row for each framework."""
    head = (
        "Framework",
        "inputs",
        *GROUPS,
        "smuggled",
        "broken promises",
        "ordinary requests",
        "lost",
        "/livez, slowest",
    )
    rows = []
    for run in runs:
        if found := run.inputs:
            count = Counter(each.group for each in found.outcomes)
            rows.append((
                run.framework,
                len(found.outcomes),
                *(count[group] for group in GROUPS),
                found.smuggled,
                sum(bool(each.broken) for each in found.outcomes),
                found.ordinary.served,
                len(found.ordinary.failures),
                _ms(found.health.worst["/livez"]),
            ))  # fmt: skip
    return table(head, rows)


def kinds(runs: Iterable[Run]) -> str:
    """Return a row for each kind of input, over all frameworks."""
    by_kind: dict[str, list[raw.Outcome]] = {}
    for run in runs:
        for each in run.inputs.outcomes if run.inputs else ():
            by_kind.setdefault(each.input.kind, []).append(each)
    rows = []
    for kind, found in by_kind.items():
        count = Counter(each.group for each in found)
        rows.append((kind, len(found), *(count[group] for group in GROUPS)))
    return table(("Kind", "inputs", *GROUPS), rows)


def slow_clients(runs: Iterable[Run]) -> str:
    """Return a row for each framework, kind and number of slow clients."""
    head = (
        "Framework",
        "slow clients",
        "closed",
        "ordinary requests",
        "lost",
        "/livez, slowest",
        "/readyz, slowest",
    )
    rows = [
        (
            run.framework,
            f"{one.count} {one.about}",
            one.closed,
            one.served,
            len(one.lost),
            _ms(one.health.worst["/livez"]),
            _ms(one.health.worst["/readyz"]),
        )
        for run in runs
        for one in run.delays
    ]
    return table(head, rows)


def overloads(runs: Iterable[Run]) -> str:
    """Return a row for each framework and number of connections."""
    head = (
        "Framework",
        "connections",
        "answered",
        "a second",
        "503",
        "failed",
        "not ready",
        "/livez, slowest",
        "/readyz, slowest",
    )
    rows = [
        (
            run.framework,
            one.connections,
            one.answered,
            round(one.answered / one.seconds),
            one.refused,
            one.failed,
            one.health.unready,
            _ms(one.health.worst["/livez"]),
            _ms(one.health.worst["/readyz"]),
        )
        for run in runs
        for one in run.loads
    ]
    return table(head, rows)


def ends(runs: Iterable[Run]) -> str:
    """Return a row for each framework: whether its process survived."""
    rows = [(run.framework, run.deaths, len(run.told)) for run in runs]
    return table(("Framework", "process deaths", "unexpected lines in the log"), rows)


def page(runs: list[Run]) -> str:
    """Return the page of a run."""
    broken = [line for run in runs for line in run.broken()]
    parts = (
        ["## Raw inputs", raw_inputs(runs), "By kind, over all frameworks:", kinds(runs)]
        if any(run.inputs for run in runs)
        else []
    )
    parts += ["## Slow clients", slow_clients(runs)] if any(run.delays for run in runs) else []
    parts += ["## Overload", overloads(runs)] if any(run.loads for run in runs) else []
    parts += ["## The processes", ends(runs), "## Problems"]
    parts.append("\n".join(f"- {line}" for line in broken) or "None.")
    return "\n\n".join(part.strip() for part in parts) + "\n"
