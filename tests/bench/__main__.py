"""`nox -s bench`: measures, prints a table, and never fails on a time; `-- --write docs` keeps it."""

import argparse
import tempfile
from pathlib import Path

from . import copies, growth, jobs, signals, telemetry, web
from .report import machine, table, write
from .rows import Row
from .services import Asked, Services

PARTS = {
    "hello": web.hello,
    "notes": web.notes,
    "jobs": jobs.queues,
    "signals": signals.stops,
    "copies": copies.copies,
    "growth": growth.growth,
    "telemetry": telemetry.telemetry,
}


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(prog="nox -s bench --", description=__doc__)
    parser.add_argument(
        "parts", nargs="*", choices=[*PARTS, []], help="what to measure; all of it by default"
    )
    parser.add_argument("--framework", action="append", choices=web.FRAMEWORKS, help="only this one")
    parser.add_argument("--rounds", type=int, default=5, help="how often the two sides take turns")
    parser.add_argument("--seconds", type=float, default=3, help="how long a round asks")
    parser.add_argument("--write", type=Path, metavar="FOLDER", help="write bench.md, .json and .svg there")
    given = parser.parse_args()
    asked = Asked(given.rounds, given.seconds, given.framework or web.FRAMEWORKS)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        services = Services(Path(folder))
        print(", ".join(f"{name}: {value}" for name, value in machine().items()), flush=True)
        for part in given.parts or PARTS:
            found = PARTS[part](services, asked)
            print(table(found), flush=True)
            rows += found
    if given.write:
        write(rows, given.write)


if __name__ == "__main__":
    main()
