"""`nox -s first_hour`: follow both READMEs literally, as a newcomer does, and measure the time."""

import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import pexpect

from tests.support import variants
from tests.support.client import reserved_port, status
from tests.support.git import git
from tests.support.project import Project
from tests.support.template import ROOT

SECONDS = 600  # for each step


def clone(folder: Path) -> Path:
    """Clone this repository, as a newcomer does."""
    git(folder, "clone", "--quiet", str(ROOT), "slipway")
    return folder / "slipway"


def follow(template: Path, framework: str, variables: dict[str, str]) -> float:
    """Launch a service as README.md says, request it, stop it, and run its checks as its own README says.

    Return the seconds from pressing Enter to the first response with status 200.
    """
    with reserved_port() as port:
        return _follow(template, framework, port, variables)


def _follow(template: Path, framework: str, port: int, variables: dict[str, str]) -> float:
    environment = {**os.environ, **variables, "PORT": str(port)}
    environment.pop("VIRTUAL_ENV", None)
    launch = Project(template).blocks("Launch a service", "sh")[0]
    launch = launch.replace("--trust ", f"--trust --defaults --data framework={framework} ", 1)
    began = time.monotonic()
    child = pexpect.spawn("sh", ["-c", launch], cwd=template, env=environment, timeout=SECONDS)
    child.expect(rf"http://localhost:{port}")
    assert status(port, "/") == 200
    seconds = time.monotonic() - began
    child.sendintr()
    child.expect(pexpect.EOF)
    child.wait()
    service = template.parent / "orders"
    [check] = Project(service).blocks("Test", "sh")
    checked = pexpect.spawn("sh", ["-c", check], cwd=service, env=environment, timeout=SECONDS)
    checked.expect(pexpect.EOF)
    assert checked.wait() == 0, checked.before
    return seconds


def main(frameworks: Sequence[str]) -> None:
    """Print the seconds for each framework, with an empty cache and a full one."""
    print("| | cold | warm |\n|---|---:|---:|")
    for framework in frameworks or variants.choices()["framework"]:
        with tempfile.TemporaryDirectory(prefix="slipway-") as cache:
            seconds = []
            for _ in ("cold", "warm"):
                with tempfile.TemporaryDirectory(prefix="slipway-") as folder:
                    given = {"UV_CACHE_DIR": cache}
                    seconds.append(follow(clone(Path(folder)), framework, given))
        print(f"| {framework} | {seconds[0]:.1f} s | {seconds[1]:.1f} s |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
