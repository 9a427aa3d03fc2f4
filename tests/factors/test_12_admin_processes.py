"""XII. Admin processes: one-off processes in the same environment (C-2, C-4)."""

import json
import re
import time
from collections.abc import Mapping
from pathlib import Path

import pexpect

from tests.conftest import Run
from tests.support.project import Project


def test_help_lists_every_process(run: Run, probed: Project) -> None:
    """C-2: process types and one-off processes, a line each."""
    done = run("--help")
    assert done.returncode == 0
    for name in {*probed.procfile(), "check", "shell"}:
        assert len(re.findall(rf"^ +{name} +\w.+$", done.stdout, re.MULTILINE)) == 1, done.stdout
    assert done.stderr == ""


def test_an_unknown_process_is_refused(run: Run) -> None:
    """C-2, C-20."""
    for arguments in (["wbe"], [], ["web", "--no-such-option"]):
        done = run(*arguments)
        assert done.returncode == 2
        assert "usage" in done.stdout
        assert done.stderr == ""


def test_check_says_that_all_is_well(run: Run, probed: Project) -> None:
    """C-4: exit status 0, and an event for the configuration and for each attached service."""
    done = run("check")
    assert done.returncode == 0
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert {(event["level"], event["process"]) for event in events} == {("info", "check")}
    attached = {"postgres": probed.has_database, "redis": probed.has_redis}
    services = [name for name, is_attached in attached.items() if is_attached]
    assert [event.get("service") for event in events] == [None, *services]
    assert done.stderr == ""


def test_check_says_what_is_wrong(run: Run) -> None:
    """C-4, C-7."""
    done = run("check", PORT="no")
    assert done.returncode == 78
    assert json.loads(done.stdout)["problems"].keys() == {"PORT"}


def test_shell_runs_what_is_piped_in(run: Run, probed: Project) -> None:
    """C-4: with the app and the settings loaded; only what the script says is on stdout; and then it ends."""
    began = time.monotonic()
    done = run(
        "shell",
        stdin="print(type(app).__name__.lower(), settings.port)\nfor n in range(2):\n    print(n)\n",
        PORT="5",
    )
    assert done.returncode == 0
    assert done.stdout.split() == [probed.answers()["framework"], "5", "0", "1"]
    assert done.stderr == ""
    assert time.monotonic() - began < 15  # a pool that is left open costs 20 s


def test_a_script_that_fails_in_the_shell_fails_it(run: Run) -> None:
    """C-4: so that another script can tell."""
    done = run("shell", stdin="print('before')\nraise RuntimeError('no')\n")
    assert done.returncode not in (0, 78)
    assert "RuntimeError: no" in done.stdout
    assert done.stderr == ""
    assert run("shell", stdin="raise SystemExit(3)\n").returncode == 3


def test_shell_is_a_console_on_a_terminal(
    probed: Project, production: Path, attached: Mapping[str, str]
) -> None:
    """C-4."""
    console = pexpect.spawn(
        str(production / "bin" / "python"),
        ["-m", probed.name, "shell"],
        cwd=str(probed.path),
        env={"PATH": str(production / "bin"), "TERM": "dumb", "PORT": "4321", **attached},
        encoding="utf-8",
        timeout=30,
    )
    console.expect_exact(">>> ")
    console.sendline("settings.port, type(app).__name__.lower()")
    console.expect_exact(f"(4321, '{probed.answers()['framework']}')")
    console.expect_exact(">>> ")
    console.sendintr()  # stops what runs, and not the console
    console.expect_exact("KeyboardInterrupt")
    console.expect_exact(">>> ")
    console.sendeof()
    console.expect(pexpect.EOF)
    console.close()
    assert console.exitstatus == 0
