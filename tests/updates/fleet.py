"""Many services, one command: `slipway update` over all of them."""

import os
import re
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from tests.support.git import commit_all
from tests.support.template import HEAD, ROOT, releases

from .cases import MANAGERS, SERVICES, Case, offered
from .edits import EDITS, AbsentError
from .play import launched

# The launcher knows its template from how it was installed, and here it is not installed.
LAUNCHER = """
import sys
import slipway.service
from slipway.cli import main
from slipway.source import Template
template = Template(sys.argv.pop(1))
slipway.service.own = lambda: template
sys.exit(main())
"""
GROWN = ("route", "setting", "section")


def fleet(number: int, template: Path, shared: Path, jobs: int) -> str:
    """Update so many services of many releases with one command, and say how that ended."""
    makers = [
        Case(service, version, manager, GROWN)
        for version in releases()
        for service in SERVICES
        for manager in MANAGERS
        if offered(SERVICES[service], version, template) is not None
    ]
    step = max(1, len(makers) // number)
    chosen = makers[::step][:number]
    folders = []
    for index in range(number):
        project = launched(chosen[index % len(chosen)], template, shared).copy(shared / f"fleet-{index}")
        for name in GROWN:
            try:
                EDITS[name].do(project)
            except AbsentError:
                continue
        commit_all(project.path, "Ours")
        folders.append(str(project.path))
    command = [sys.executable, "-c", LAUNCHER, str(template), "update", "--no-check", "--jobs", str(jobs)]
    command += ["--version", HEAD, *folders]
    begun = time.monotonic()
    done = subprocess.run(
        command, env=os.environ | {"PYTHONPATH": str(ROOT)}, cwd=shared, capture_output=True, text=True
    )
    seconds = time.monotonic() - begun
    rows = [re.split(" {2,}", line) for line in done.stdout.splitlines() if line.startswith(str(shared))]
    states = Counter(row[2] for row in rows)
    torn = [row[3].split(", ") for row in rows if row[2] == "conflicts"]
    files = Counter(name for names in torn for name in names)
    parts = [
        f"`slipway update --no-check --jobs {jobs}` over {number} services of {len(chosen)} kinds",
        f"(service, release, package manager), each with {len(GROWN)} edits, took {seconds:.0f} s:",
        f"{', '.join(f'{count} {state}' for state, count in states.most_common())}.",
    ]
    if files:
        parts.append(f"In conflict: {', '.join(f'{name} ({n})' for name, n in files.most_common(6))}.")
    parts += [f"\n- {' '.join(row[1:])}" for row in rows if row[2] in ("failed", "refused")]
    return " ".join(parts) if rows else f"{' '.join(parts)} It printed:\n\n{done.stdout}{done.stderr}"
