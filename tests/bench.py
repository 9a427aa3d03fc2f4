"""`nox -s bench`: from the start of `web` to its first ready answer, beside that of a bare hello world.

Both run in the same environment on the same database, by turns, so that what else the machine does
meets both alike. The ratio of the medians is what counts.
"""

import argparse
import http.client
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.support import postgres as pg
from tests.support.client import reserved_port
from tests.support.project import Project, environment, render
from tests.support.template import snapshot

MOST = 1.3  # times the bare one
BARE = """
import os
from fastapi import FastAPI
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

app = FastAPI()
engine = create_async_engine(os.environ["DATABASE_URL"].replace("postgres:", "postgresql+psycopg:", 1))


@app.get("/readyz")
async def readyz() -> dict[str, str]:
    async with engine.connect() as connection:
        await connection.execute(text("SELECT 1"))
    return {"status": "ok"}
"""


def seconds_to_ready(command: list[str], where: Path, variables: dict[str, str], port: int) -> float:
    """Start a process, wait for its first 200 and end it."""
    began = time.perf_counter()
    process = subprocess.Popen(command, cwd=where, env=variables, stdout=subprocess.DEVNULL)
    try:
        while not is_ready(port):
            if process.poll() is not None:
                sys.exit(f"{' '.join(command)} ended with {process.returncode}")
            time.sleep(0.001)
        return time.perf_counter() - began
    finally:
        process.kill()
        process.wait()


def is_ready(port: int) -> bool:
    """Ask whether it serves."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except ConnectionError:
        return False
    finally:
        connection.close()


def main() -> int:
    """Print both medians and their ratio, and return 1 if it is more than MOST."""
    parser = argparse.ArgumentParser(prog="nox -s bench --")
    parser.add_argument("--rounds", type=int, default=20)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder, pg.running() as server, reserved_port() as port:
        shared = Path(folder)
        snapshot(shared / "template")
        project = Project(shared / "project")
        render(shared / "template", project.path, {"database": "postgres"})
        (project.path / "bare.py").write_text(BARE)
        programs = environment(shared, project, dev=False) / "bin"
        python = str(programs / "python")
        variables = {"PATH": str(programs), "DATABASE_URL": server.url(), "PORT": str(port)}
        subprocess.run([python, "-m", project.name, "release"], cwd=project.path, env=variables, check=True)
        subprocess.run([python, "-m", "compileall", "-q", "."], cwd=project.path, check=True)
        commands = {
            "emitted": [python, "-m", project.name, "web"],
            "bare": [python, "-m", "uvicorn", "--log-level=error", f"--port={port}", "bare:app"],
        }
        times: dict[str, list[float]] = {name: [] for name in commands}
        for number in range(-1, rounds):  # the first warms up the disk's cache
            for name in sorted(commands, reverse=bool(number % 2)):
                taken = seconds_to_ready(commands[name], project.path, variables, port)
                times[name] += [taken] if number >= 0 else []
    medians = {name: statistics.median(found) for name, found in times.items()}
    ratio = medians["emitted"] / medians["bare"]
    for name, found in times.items():
        print(f"{name}: {medians[name]:.3f} s to ready, of {rounds}: {min(found):.3f} to {max(found):.3f} s")
    print(f"ratio: {ratio:.2f}, at most {MOST}")
    return int(ratio > MOST)


if __name__ == "__main__":
    sys.exit(main())
