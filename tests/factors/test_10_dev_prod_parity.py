"""X. Dev/prod parity: development runs what the Procfile names."""

import json
import re
import socket
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from tests.support import postgres as pg
from tests.support.client import Connection, refuses, reserved_port, status, wait_for_port
from tests.support.patience import PATIENCE
from tests.support.project import Project, run_uv

type Terminal = pexpect.spawn[str]


@pytest.fixture
def port() -> Iterator[int]:
    """Return a port that nobody else gets."""
    with reserved_port() as port:
        yield port


@pytest.fixture
def dev(copied: Project, development: Path, port: int) -> Iterator[Terminal]:
    """Return `python -m dev` on a terminal."""
    copied.add_routes()
    variables = {"PATH": f"{development / 'bin'}:/usr/bin:/bin:/usr/sbin", "PORT": str(port), "TERM": "xterm"}
    python = str(development / "bin" / "python")
    runner = pexpect.spawn(
        python, ["-m", "dev"], cwd=str(copied.path), env=variables, encoding="utf-8", timeout=PATIENCE
    )
    yield runner
    if runner.isalive():
        runner.sendintr()
        runner.expect(pexpect.EOF)
    runner.close()


def test_dev_runs_the_formation(dev: Terminal, port: int) -> None:
    """It says where once it listens, logs for people, and ends with Ctrl-C."""
    dev.expect("listening")
    dev.expect_exact(f"http://localhost:{port}")
    assert "{" not in f"{dev.before}"
    assert status(port, "/") == 200
    dev.sendintr()
    dev.expect(pexpect.EOF)
    dev.close()
    assert dev.exitstatus == 0
    assert refuses(port)


def test_dev_reloads(dev: Terminal, port: int, copied: Project) -> None:
    """An edit is served soon."""
    dev.expect("listening")
    assert b"edited" not in Connection(port).get("/")[1]
    routes = copied.package / "routes.py"
    routes.write_text(routes.read_text().replace(f'"{copied.answers()["project_slug"]}"', '"edited"'))
    dev.expect("listening")
    assert b"edited" in Connection(port).get("/")[1]


def test_dev_waits_for_the_edit_that_mends_it(dev: Terminal, port: int, copied: Project) -> None:
    """What an edit broke, the next one repairs; nobody has to start anything again."""
    dev.expect("listening")
    routes = copied.package / "routes.py"
    good = routes.read_text()
    routes.write_text(good + "\nundefined_name\n")
    dev.expect("undefined_name")
    dev.expect("waiting for the next edit")
    routes.write_text(good)
    dev.expect("listening")
    wait_for_port(port)
    assert Connection(port).get("/")[0].status == 200


def test_the_admin_has_its_static_files(request: pytest.FixtureRequest, copied: Project, port: int) -> None:
    """Nobody has to collect them, neither before the start nor after an edit."""
    if not (copied.package / "admin.py").exists():
        pytest.skip("Only Django has an admin, in a database.")
    dev: Terminal = request.getfixturevalue("dev")
    for _ in range(2):
        dev.expect("listening")
        answer, page = Connection(port).get("/admin/login/")
        assert answer.status == 200
        [style] = re.findall(r'"(/static/admin/css/base[.]css)"', page.decode())
        assert status(port, style) == 200
        assert status(port, "/static/admin/") == 404, "a folder is listed"
        copied.append("routes.py", "\n# edited\n")


def test_the_env_file_is_read_in_development(copied: Project, development: Path, port: int) -> None:
    """C-5: by the developer's runner."""
    (copied.path / ".env").write_text(f"PORT={port}\nHEROKU_RELEASE_VERSION=from-the-file\n")
    variables = {"PATH": f"{development / 'bin'}:/usr/bin:/bin:/usr/sbin"}
    runner = subprocess.Popen(
        [str(development / "bin" / "python"), "-m", "dev"],
        cwd=copied.path,
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        wait_for_port(port)
        assert b"from-the-file" in Connection(port).get("/")[1]
    finally:
        runner.terminate()
        runner.communicate(timeout=PATIENCE)


REQUIRED = '''
    api_key: SecretStr
    """The key of the shop."""
    workers_of_the_shop: int
    """How many work there."""
'''


@pytest.fixture
def demanding(copied: Project) -> Project:
    """Return a project whose user has added settings without defaults, one of them secret."""
    file = copied.package / "settings.py"
    file.write_text(file.read_text().replace("\n\n", "\n\nfrom pydantic import SecretStr\n", 1))
    copied.append("settings.py", REQUIRED)
    return copied


ASSISTANT = ["-m", "dev", "env"]
TERMINAL = {"PATH": "/usr/bin:/bin", "TERM": "xterm"}


def test_what_a_request_contains_moves_no_cursor(copied: Project, development: Path) -> None:
    """C-21: the terminal of a developer would obey its control characters."""
    event = {"event": "request", "level": "info", "path": "/\x1b[1A\x9b\n", "exception": "a\x07b"}
    code = f"from dev import events; print(ascii(events.lines({event!r}, colours=False)))"
    python = [str(development / "bin" / "python"), "-c", code]
    done = subprocess.run(python, cwd=copied.path, capture_output=True, text=True, check=True)
    first, second = json.loads(done.stdout.replace("'", '"'))
    assert first.endswith("/\\x1b[1A\\x9b\\x0a")
    assert second == "a\\x07b"


def test_a_new_setting_takes_settings_and_one_value(demanding: Project, development: Path) -> None:
    """C-9: one command lists it everywhere, and changes nothing more, nor anything the second time."""
    command = [str(development / "bin" / "python"), "-m", "dev", "settings"]
    example = demanding.path / ".env.example"
    done = subprocess.run(command, cwd=demanding.path, env=TERMINAL, capture_output=True, text=True)
    assert {"README.md: written", "app.json: written"} <= set(done.stdout.splitlines())
    assert "give API_KEY a value" in done.stdout
    row = "| `WORKERS_OF_THE_SHOP` | required | How many work there. |\n"
    assert row in (demanding.path / "README.md").read_text()
    assert "API_KEY" in json.loads((demanding.path / "app.json").read_text())["env"]
    text = example.read_text().replace("\nAPI_KEY=\n", "\nAPI_KEY=x\n")
    example.write_text(text.replace("\nWORKERS_OF_THE_SHOP=\n", "\nWORKERS_OF_THE_SHOP=1\n"))
    done = subprocess.run(command, cwd=demanding.path, env=TERMINAL, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    tests = subprocess.run(
        [str(development / "bin" / "python"), "-m", "pytest", "-q", "tests/test_settings.py"],
        cwd=demanding.path,
        env=TERMINAL,
        capture_output=True,
        text=True,
    )
    assert tests.returncode == 0, tests.stdout


def test_dev_takes_up_what_env_says(dev: Terminal, copied: Project) -> None:
    """A setting without a value stops nothing: `.env` gets it, and `web` starts."""
    dev.expect("listening")
    copied.append("settings.py", '\n    api_key: str\n    """The key."""\n')
    dev.expect("restarting")
    dev.expect("API_KEY: Field required")
    dev.expect("python -m dev env")
    (copied.path / ".env").write_text("API_KEY=x\n")
    dev.expect("listening")


def refusal(project: Project, development: Path, **variables: str) -> str:
    """Return what `python -m dev` says if it cannot start: no traceback, and no colour in a pipe."""
    done = subprocess.run(
        [str(development / "bin" / "python"), "-m", "dev"],
        cwd=project.path,
        env={**TERMINAL, **variables},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1, done.stdout
    assert "Traceback" not in done.stdout
    assert "\x1b" not in done.stdout
    assert done.stderr == ""
    return done.stdout


def test_a_busy_port_is_one_line(copied: Project, development: Path, port: int) -> None:
    """With the way out."""
    with socket.create_server(("", port)):
        assert "another process listens there" in refusal(copied, development, PORT=f"{port}")


@pytest.mark.parametrize("host", ["127.0.0.1:1", "nowhere.invalid"])
def test_a_database_that_is_not_there_is_one_line(copied: Project, development: Path, host: str) -> None:
    """With the way out."""
    if not copied.has_database:
        pytest.skip("It has none.")
    told = refusal(copied, development, DATABASE_URL=f"postgres://me@{host}/mine")
    [line] = [line for line in told.splitlines() if "migration failed" in line]
    assert "no server answers at DATABASE_URL" in line


def test_without_the_servers_wheels(
    request: pytest.FixtureRequest, copied: Project, postgres: pg.Server, port: int, tmp_path: Path
) -> None:
    """As on Alpine: with URLs of one's own all works, and without them one line says which."""
    if not (copied.has_database and copied.has_redis):
        pytest.skip("It starts at most one server.")
    [command] = copied.readme_commands("Run", "--no-install-package")
    environment = tmp_path / "environment"
    run_uv(copied.path, *command[1:], "--locked", "--quiet", UV_PROJECT_ENVIRONMENT=str(environment))
    python = str(environment / "bin" / "python")
    given = {
        "DATABASE_URL": postgres.url(postgres.create()),
        "REDIS_URL": request.getfixturevalue("redis").url,
        "PORT": str(port),
    }
    for name in ("DATABASE_URL", "REDIS_URL"):
        done = subprocess.run(
            [python, "-m", "dev"],
            cwd=copied.path,
            env={**TERMINAL, **given, name: ""},
            capture_output=True,
            text=True,
        )
        assert (done.returncode, done.stdout) == (1, "")
        [line] = done.stderr.splitlines()
        assert f"set {name}, as README.md says" in line
    runner = pexpect.spawn(python, ["-m", "dev"], cwd=str(copied.path), env={**TERMINAL, **given}, timeout=60)
    runner.expect("listening")
    assert status(port, "/readyz") == 200
    runner.sendintr()
    runner.expect(pexpect.EOF)
    runner.close()
    assert runner.exitstatus == 0


def test_without_a_terminal_the_assistant_says_what_is_missing(demanding: Project, development: Path) -> None:
    """It asks nobody, writes nothing, and fails."""
    done = subprocess.run(
        [str(development / "bin" / "python"), *ASSISTANT],
        cwd=demanding.path,
        env=TERMINAL,
        input="",
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0
    assert done.stderr.splitlines()[-1] == ".env lacks API_KEY, WORKERS_OF_THE_SHOP."
    assert not (demanding.path / ".env").exists()


def test_the_assistant_asks_validates_and_hides(demanding: Project, development: Path) -> None:
    """It asks for what `.env` lacks, by `Settings` itself, and writes a file for its owner alone."""
    known = re.sub("^# ?(?=[A-Z_]+=)", "", (demanding.path / ".env.example").read_text(), flags=re.MULTILINE)
    env = demanding.path / ".env"
    env.write_text(known)
    terminal = pexpect.spawn(
        str(development / "bin" / "python"),
        ASSISTANT,
        cwd=str(demanding.path),
        env=TERMINAL,
        encoding="utf-8",
        timeout=PATIENCE,
        dimensions=(40, 160),
    )
    terminal.expect_exact("API_KEY")
    terminal.sendline("swordfish ' $HOME #")
    terminal.expect_exact("WORKERS_OF_THE_SHOP")
    said = f"{terminal.before}"
    terminal.sendline("many")
    terminal.expect_exact("valid integer")
    terminal.sendline("\x157")  # Ctrl-U, which clears the line
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 0
    assert "swordfish" not in said
    assert stat.S_IMODE(env.stat().st_mode) == 0o600
    added = env.read_text().removeprefix(known)
    assert re.findall("^([A-Z_]+)=", added, re.MULTILINE) == ["API_KEY", "WORKERS_OF_THE_SHOP"]
    assert "swordfish ' $HOME #" in added
    assert added.endswith("=7\n")
