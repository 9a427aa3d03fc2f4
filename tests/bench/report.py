"""The benchmark's table, its JSON and its plot."""

import json
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil

from .rows import Row

HEAD = """# What it costs

`uvx nox -s bench -- --write docs` measured these figures. Run it again to update this page.

Bare is a minimal app or worker of the same library. Each ratio is Slipway's figure
divided by the bare one's.

"""
GREY = "#808080"  # readable on white and on black
SUMMARY = {
    "requests ÷ bare": "requests, against bare",
    "requests ÷ bare with an access log": "requests, against bare with its access log",
    "boot ÷ bare": "boot",
    "memory ÷ bare": "memory",
}
"""The columns of README.md, and the rows that they show."""
COLOURS = ("#4c8eda", "#d98026", "#3fa34d", "#b05cc6", "#c94f4f", "#8c8c3e", "#2aa0a4", "#9a6b4f")


def machine() -> dict[str, Any]:
    """Describe this machine."""
    cpu = next(
        (line.partition(":")[2].strip() for line in _cpuinfo() if line.startswith("model name")),
        platform.machine(),
    )
    memory = round(psutil.virtual_memory().total / 2**30)
    return {"processor": cpu, "cores": psutil.cpu_count(), "memory_gib": memory, "system": platform.system(),
            "python": platform.python_version(), "load": round(psutil.getloadavg()[0], 1)}  # fmt: skip


def _cpuinfo() -> list[str]:
    file = Path("/proc/cpuinfo")
    return file.read_text().splitlines() if file.exists() else []


def table(rows: Sequence[Row]) -> str:
    """Return the rows as a table in Markdown."""
    lines = ["| | what | Slipway | bare | ratio | spread | goal |", "|---|---|---:|---:|---:|---|---|"]
    for row in rows:
        one = row.as_dict()
        other = _number(one["other"], row.unit) if "other" in one else ""
        ratio = f"{one['ratio']:.2f}" if "ratio" in one else ""
        spread = "{:.2f} to {:.2f}".format(*one["spread"]) if "spread" in one else ""
        cells = (row.group, row.name, _number(one["ours"], row.unit), other, ratio, spread, row.goal)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def summary(figures: dict[str, Any]) -> str:
    """Return the table of README.md for what `bench.json` holds."""
    found = {(row["group"], row["name"]): row for row in figures["rows"]}
    lines = [f"| | {' | '.join(SUMMARY)} |", "|---" + "|---:" * len(SUMMARY) + "|"]
    for group in ("fastapi", "litestar", "flask", "django"):
        ratios = [f"{found[group, name]['ratio']:.2f}" for name in SUMMARY.values()]
        lines.append(f"| {group} | {' | '.join(ratios)} |")
    lines += ["", "| | jobs a second | jobs ÷ minimal worker of the same library |", "|---|---:|---:|"]
    for group in ("procrastinate", "dramatiq", "celery"):
        row = found[group, "jobs a second"]
        lines.append(f"| {group} | {row['ours']:.0f} | {row['ratio']:.2f} |")
    return "\n".join(lines) + "\n"


def write(rows: Sequence[Row], folder: Path) -> None:
    """Write the figures as JSON, as a plot, and as a page that names the machine."""
    here = machine()
    about = (
        f"{here['cores']} cores of {here['processor']}, {here['memory_gib']} GiB, {here['system']}, "
        f"Python {here['python']}; {len(rows[0].ours)} rounds, alternating; load before: {here['load']}."
    )
    figures = {"machine": here, "rows": [row.as_dict() for row in rows]}
    (folder / "bench.json").write_text(json.dumps(figures, indent=1) + "\n")
    (folder / "bench.md").write_text(f"{HEAD}{about}\n\n![Ratios](bench.svg)\n\n{table(rows)}")
    plot([row for row in rows if row.other], folder / "bench.svg")


def plot(rows: Sequence[Row], file: Path) -> None:
    """Draw each ratio with its spread. The dashed line at 1 is the bare app."""
    import matplotlib as mpl  # noqa: PLC0415, which takes a second to import
    from matplotlib.figure import Figure  # noqa: PLC0415

    mpl.rcParams.update({"svg.hashsalt": "bench", "svg.fonttype": "none", "font.size": 9})
    figure = Figure(figsize=(9, 0.3 * len(rows) + 1), layout="constrained")
    axes = figure.add_subplot()
    groups = list(dict.fromkeys(row.group for row in rows))
    for height, row in enumerate(reversed(rows)):
        one, colour = row.as_dict(), COLOURS[groups.index(row.group) % len(COLOURS)]
        low, high = one["spread"]
        axes.barh(height, one["ratio"], color=colour, height=0.7)
        axes.hlines(height, low, high, color=GREY, linewidth=2)
    axes.set_yticks(range(len(rows)), [f"{row.group}: {row.name}" for row in reversed(rows)], color=GREY)
    axes.axvline(1, color=GREY, linestyle="--", linewidth=1)
    axes.tick_params(colors=GREY)
    axes.set_xlabel("Slipway ÷ bare", color=GREY)
    for side in axes.spines.values():
        side.set_color(GREY)
    figure.savefig(file, transparent=True, metadata={"Date": None})


def _number(value: float, unit: str) -> str:
    digits = 0 if value >= 100 else 1 if value >= 10 else 2
    return f"{value:,.{digits}f} {unit}".strip()
