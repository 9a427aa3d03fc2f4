"""III. Config: in the environment, typed, and wrong at once or never (C-5 to C-7, C-9)."""

import ast
import itertools
import json
import re
import resource
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Run, Start
from tests.support.patience import PATIENCE
from tests.support.project import Project

HEROKU = {"DYNO", "HEROKU_APP_NAME", "HEROKU_RELEASE_VERSION", "HEROKU_BUILD_COMMIT"}
DEFAULTS = {
    "PORT": 8000,
    "HOST": "::",
    "WEB_CONCURRENCY": 1,
    "LOG_LEVEL": "info",
    "LOG_FORMAT": "auto",
    "SHUTDOWN_DRAIN_SECONDS": 3,
    "SHUTDOWN_GRACE_SECONDS": 20,
    "MAX_BODY_BYTES": 2**20,
    "HTTPS_ONLY": False,
}
BAD = {
    "PORT": "swordfish-1",
    "LOG_LEVEL": "swordfish-2",
    "LOG_FORMAT": "swordfish-3",
    "SHUTDOWN_DRAIN_SECONDS": "swordfish-4",
    "MAX_BODY_BYTES": "swordfish-5",
    "HTTPS_ONLY": "swordfish-6",
}
SECONDS = (
    "SHUTDOWN_DRAIN_SECONDS",
    "SHUTDOWN_GRACE_SECONDS",
    "CLIENT_TIMEOUT_SECONDS",
    "DATABASE_STATEMENT_TIMEOUT_SECONDS",
    "MIGRATION_LOCK_TIMEOUT_SECONDS",
)
STARTS_A_SECOND = 60  # of the interpreter, on one core of 2024
COUNTS = ("WEB_CONCURRENCY", "WEB_THREADS", "WORKER_CONCURRENCY", "DATABASE_POOL_SIZE", "REDIS_POOL_SIZE")
FIELDS = """
import json
from {package}.settings import Settings
defaults = {{name.upper(): field.default for name, field in Settings.model_fields.items()}}
print(json.dumps(defaults, default=str))
"""


@pytest.fixture(scope="module")
def settings(pristine: Project, production: Path) -> dict[str, Any]:
    """Return the variables of `Settings`, with their defaults."""
    command = [str(production / "bin" / "python"), "-c", FIELDS.format(package=pristine.name)]
    printed = subprocess.run(command, cwd=pristine.path, env={}, check=True, capture_output=True).stdout
    fields: dict[str, Any] = json.loads(printed)
    return fields


def test_the_contracts_variables_and_their_defaults(settings: dict[str, Any]) -> None:
    """C-6."""
    assert settings.keys() >= DEFAULTS.keys() | HEROKU
    assert {name: settings[name] for name in DEFAULTS} == DEFAULTS
    assert settings["SHUTDOWN_DRAIN_SECONDS"] + settings["SHUTDOWN_GRACE_SECONDS"] < 30


def test_names_are_names_of_variables(settings: dict[str, Any]) -> None:
    """C-5: and none selects a set of others."""
    assert all(re.fullmatch(r"[A-Z][A-Z0-9_]*", name) for name in settings)
    assert not settings.keys() & {"ENV", "ENVIRONMENT", "APP_ENV", "STAGE", "DEBUG"}


def test_env_example_lists_exactly_the_settings(pristine: Project, settings: dict[str, Any]) -> None:
    """C-9: Heroku's own, which nobody sets by hand, need not stand there."""
    text = (pristine.path / ".env.example").read_text()
    listed = re.findall(r"^#? ?([A-Z][A-Z0-9_]*)=", text, re.MULTILINE)
    assert len(listed) == len(set(listed))
    assert settings.keys() - HEROKU <= set(listed) <= settings.keys()


def test_the_readme_lists_exactly_the_settings(pristine: Project, settings: dict[str, Any]) -> None:
    """C-9."""
    listed = re.findall(r"^\| ?`([A-Z][A-Z0-9_]*)`", (pristine.path / "README.md").read_text(), re.MULTILINE)
    assert sorted(listed) == sorted(settings)


def test_only_settings_reads_the_environment(pristine: Project) -> None:
    """C-5: others at most take out, or write, what a library would read."""
    for file in pristine.package.rglob("*.py"):
        text = re.sub(r"os\.environ(\.pop\(|\[.*\] = )", r"variables\1", file.read_text())
        names = {ast.unparse(node) for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Attribute)}
        assert not names & {"os.environ", "os.environb", "os.getenv"}, file


def test_importing_the_app_reads_and_reaches_nothing(pristine: Project, production: Path) -> None:
    """C-5: with an empty environment, no file of settings, and no connection."""
    watch = "def hook(name, _): assert not name.startswith(('socket.connect', 'socket.bind')), name"
    code = f"import sys\n{watch}\nsys.addaudithook(hook)\nimport {pristine.name}.app\n"
    subprocess.run([str(production / "bin" / "python"), "-c", code], cwd=pristine.path, env={}, check=True)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_wrong_configuration_is_one_event(start: Start, workers: str) -> None:
    """C-7: exit status 78, every variable named at once with what it should be, and no value of any."""
    service = start(given=BAD, WEB_CONCURRENCY=workers)
    assert service.wait() == 78
    [event] = service.events
    assert (event["event"], event["level"], event["process"]) == ("invalid configuration", "critical", "web")
    assert event["problems"].keys() == BAD.keys()
    assert all(len(problem) > 10 for problem in event["problems"].values())
    assert "swordfish" not in service.report()
    assert "Traceback" not in service.report()


@pytest.mark.parametrize("process", ["web", "check", "shell"])
def test_every_process_stops_at_a_wrong_configuration(run: Run, process: str) -> None:
    """C-7."""
    done = run(process, PORT="70000", WEB_CONCURRENCY="0")
    assert done.returncode == 78
    assert json.loads(done.stdout)["problems"].keys() == {"PORT", "WEB_CONCURRENCY"}
    assert done.stderr == ""


def cost(command: list[str], where: Path, **variables: str) -> tuple[float, float]:
    """Run a command; return the seconds of processor time that it took, and of any time."""
    began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=where, env=variables, check=False, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    worked = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return worked, time.monotonic() - began


def test_a_wrong_configuration_is_told_soon(pristine: Project, production: Path) -> None:
    """C-7: within a second beyond the interpreter's start.

    The second is counted in processor time, which other tests beside this one cannot lengthen, and in
    starts of the interpreter, because machines differ. That it does not wait for anything instead, a far
    longer bound shows.
    """
    python = str(production / "bin" / "python")
    web = [python, "-m", pristine.name, "web"]
    cost(web, pristine.path, PORT="x")  # which may have to compile what it imports
    interpreter = min(cost([python, "-c", ""], pristine.path)[0] for _ in range(3))
    worked, waited = min(cost(web, pristine.path, PORT="x") for _ in range(3))
    assert worked - interpreter < STARTS_A_SECOND * interpreter
    assert waited < PATIENCE


MALFORMED = {
    "PORT": ["-1", "65536", "80 80"],
    "MAX_BODY_BYTES": ["-1"],
    "LOG_LEVEL": ["loud"],
    "HTTPS_ONLY": ["perhaps"],
    "CORS_ORIGINS": [
        "https://app.example.com/",
        "*,app.example.com",
        "https://*.example.com",
        "https://app.example.com:99999",
    ],
    "HOST": ["999.1.1.1", "[::]", "0.0.0.0 ::", "::/0"],
    "FORWARDED_ALLOW_IPS": ["garbage", "10.0.0.0/33", "127.0.0.1, 10.0.0.1/8", "*, 10.0.0.1"],
    **{key: ["-1", "inf", "nan", "1e10"] for key in SECONDS},
    **{key: ["0", "1.5", "999999999999"] for key in COUNTS},
}
RIGHT = {
    "HOST": [" 0.0.0.0 ", "127.1", "localhost", "fe80::1%lo"],
    "FORWARDED_ALLOW_IPS": [" * ", "10.0.0.0/8, ::1, fd00::/8,"],
    "CORS_ORIGINS": ["https://app.example.com:65535"],
    **{key: ["1e6"] for key in SECONDS},
}


def together(values: dict[str, list[str]]) -> list[dict[str, str]]:
    """Return environments that have each value once: the first of each variable, then the second, …"""
    rounds = range(max(map(len, values.values())))
    return [{name: each[n] for name, each in values.items() if n < len(each)} for n in rounds]


@pytest.mark.parametrize("given", together(MALFORMED), ids=itertools.count())
def test_malformed_variables_are_refused(run: Run, settings: dict[str, Any], given: dict[str, str]) -> None:
    """C-7: also what no timer, pool or socket can take."""
    done = run("check", given=given)
    assert done.returncode == 78, done.stdout
    assert json.loads(done.stdout)["problems"].keys() == given.keys() & settings.keys()


@pytest.mark.parametrize("given", together(RIGHT), ids=itertools.count())
def test_variables_that_are_right(run: Run, given: dict[str, str]) -> None:
    """C-6: spaces around it do not matter."""
    done = run("check", given=given)
    assert done.returncode == 0, done.stdout


def test_an_empty_variable_counts_as_unset(
    run: Run, settings: dict[str, Any], attached: Mapping[str, str]
) -> None:
    """C-6: as Heroku and Compose set them."""
    done = run("check", given={**dict.fromkeys(settings, ""), **attached})
    assert done.returncode == 0, done.stdout


def test_what_is_not_a_setting_is_nobodys_business(run: Run) -> None:
    """C-5."""
    assert run("check", UNKNOWN="1", PORT_="x", APP_PORT="x").returncode == 0


def test_a_deployed_app_reads_no_env_file(run: Run, copied: Project) -> None:
    """C-5: `.env` is for the developer's process runner."""
    (copied.path / ".env").write_text("PORT=swordfish\n")
    assert run("check", project=copied).returncode == 0


def test_case_of_levels_and_formats_does_not_matter(run: Run) -> None:
    """C-6."""
    assert run("check", LOG_LEVEL="WARNING", LOG_FORMAT="JSON").returncode == 0


def test_the_default_port(start: Start) -> None:
    """C-6: 8000, where nothing else has it."""
    service = start(PORT="")
    service.wait_until(lambda: any(event.get("port") == 8000 for event in service.events), "port 8000")
