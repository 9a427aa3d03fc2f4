"""The two ways to debug that the README of a service describes work as written (C-28)."""

import os
import re
import signal
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import pexpect
import pytest

from tests.conftest import Render
from tests.support.client import reserved_port, status
from tests.support.debugger import Editor
from tests.support.patience import PATIENCE
from tests.support.project import Project, environment


@pytest.fixture
def port() -> Iterator[int]:
    """Yield a port that no other process gets."""
    with reserved_port() as port:
        yield port


@pytest.fixture
def project(request: pytest.FixtureRequest, render: Render, tmp_path: Path) -> Project:
    """Return a service with the test's framework. The test may change it."""
    return Project(render({"framework": request.param, "database": "none"})).copy(tmp_path / "project")


def line_with(project: Project, statement: str) -> int:
    """Add a statement to the handler of `/`, and return its line number."""
    routes = project.package / "routes.py"
    text = re.sub(r"(    return )", rf"    {statement}\n\1", routes.read_text(), count=1)
    routes.write_text(text)
    return text.partition(f"    {statement}\n")[0].count("\n") + 1


@pytest.mark.parametrize("project", ["fastapi", "flask"], indirect=True)
def test_a_breakpoint_stops_at_the_terminal(project: Project, shared: Path, port: int) -> None:
    """It stops although `python -m dev` reads its processes' output, and it can continue from there."""
    line_with(project, "breakpoint()")
    programs = environment(shared, project, dev=True) / "bin"
    variables = cast(Any, {"PATH": f"{programs}:/usr/bin:/bin", "PORT": f"{port}", "TERM": "xterm"})
    dev = pexpect.spawn(
        f"{programs / 'python'}",
        ["-m", "dev"],
        cwd=f"{project.path}",
        env=variables,
        encoding="utf-8",
        timeout=PATIENCE,
    )
    dev.expect("listening")
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(status, port, "/")
        dev.expect_exact("(Pdb) ")
        dev.sendline("p 6 * 7")
        dev.expect_exact("42\r\n(Pdb) ")
        dev.sendline("c")
        assert answer.result(PATIENCE) == 200
        pool.submit(status, port, "/")
        dev.expect_exact("(Pdb) ")
        dev.sendintr()  # even while it is stopped at the breakpoint
        dev.expect(pexpect.EOF)
    dev.close()
    assert dev.exitstatus == 0


@pytest.mark.parametrize("project", ["fastapi"], indirect=True)
def test_an_editor_attaches(project: Project, shared: Path, port: int) -> None:
    """The editor uses the Debug Adapter Protocol."""
    line = line_with(project, "pass")
    readme = (project.path / "README.md").read_text()
    [command] = re.findall("^uv run --with debugpy .*$", readme, re.MULTILINE)
    programs = environment(shared, project, dev=True)
    variables = {**os.environ, "UV_PROJECT_ENVIRONMENT": f"{programs}", "UV_PYTHON": sys.executable}
    with reserved_port() as listening:
        terminal = pexpect.spawn(
            "sh",
            ["-c", f"exec {command}".replace("5678", f"{listening}")],
            cwd=f"{project.path}",
            env=cast(Any, {**variables, "PORT": f"{port}"}),
            encoding="utf-8",
            timeout=PATIENCE,
        )
        terminal.expect("listening")
        with ThreadPoolExecutor(1) as pool, Editor(listening) as editor:
            editor.attach(project.package / "routes.py", line)
            answer = pool.submit(status, port, "/")
            stopped = editor.event("stopped")
            assert stopped["reason"] == "breakpoint"
            editor.request("continue", threadId=stopped["threadId"])
            assert answer.result(PATIENCE) == 200
            editor.request("disconnect")
    terminal.kill(signal.SIGTERM)
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 0  # `web` has ended as it does in production
