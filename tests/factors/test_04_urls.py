"""IV. Backing services: URLs as platforms give them (C-8), and what never leaves them (C-11, C-22)."""

import json
import re
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
import trustme
from psycopg.sql import SQL, Identifier, Literal

from tests.conftest import Run, Start
from tests.support.client import Connection, status
from tests.support.postgres import LOCKED, Database
from tests.support.relay import Relay

pytestmark = pytest.mark.database

PASSWORD = "sw@rd/fish:#? %41é&"


def failure(done: subprocess.CompletedProcess[str]) -> str:
    """Return why a service could not be reached, from the one event that says so."""
    assert done.returncode == 1, done.stdout
    [event] = [json.loads(line) for line in done.stdout.splitlines() if "service unavailable" in line]
    assert "Traceback" not in done.stdout
    assert done.stderr == ""
    return str(event["reason"])


def port(database: Database) -> int:
    """Return the port that its server listens on."""
    return database.server.port


def test_both_schemes(run: Run, database: Database) -> None:
    """C-8."""
    for scheme in ("postgres", "postgresql"):
        assert run("check", DATABASE_URL=database.url.replace("postgres", scheme, 1)).returncode == 0


def test_a_unix_socket(run: Run, database: Database) -> None:
    """C-8: as the host, or as a parameter."""
    folder = quote(str(database.server.data))
    url = f"postgresql:///{database.name}?host={folder}&port={port(database)}&user=postgres"
    assert run("check", DATABASE_URL=database.server.socket_url(database.name)).returncode == 0
    assert run("check", DATABASE_URL=url).returncode == 0


def test_ipv6(run: Run, database: Database) -> None:
    """C-8."""
    if not Path("/proc/net/if_inet6").read_text().count("00000000000000000000000000000001"):
        pytest.skip("no ::1 on this machine")
    assert run("check", DATABASE_URL=database.server.url(database.name, host="[::1]")).returncode == 0


@pytest.fixture
def locked(database: Database) -> str:
    """Return the URL of a role that must give a password in which most characters are encoded."""
    role = SQL("CREATE ROLE {} LOGIN SUPERUSER PASSWORD {}")
    database.server.execute("DROP ROLE IF EXISTS locked")
    database.server.execute(role.format(Identifier(LOCKED), Literal(PASSWORD)))
    return database.server.url(database.name, user=f"{LOCKED}:{quote(PASSWORD, safe='')}")


def test_a_password_with_every_character(start: Start, run: Run, locked: str) -> None:
    """C-8."""
    assert run("check", DATABASE_URL=locked).returncode == 0
    service = start(DATABASE_URL=locked)
    assert Connection(service.port).post("/notes", {"text": "one"})[0].status == 201


def test_credentials_are_told_to_nobody(start: Start, run: Run, locked: str) -> None:
    """C-11, C-22, C-4: neither in answers nor in the log, at any level."""
    wrong = locked.replace("fish", "food")
    done = run("check", DATABASE_URL=wrong, LOG_LEVEL="debug")
    assert failure(done).startswith("password authentication failed")
    service = start(DATABASE_URL=wrong, LOG_LEVEL="debug")
    answers = [Connection(service.port).get(path)[1].decode() for path in ("/readyz", "/notes")]
    for text in (done.stdout, service.report(), *answers):
        for secret in ("food", "sw@rd", "sw%40rd", LOCKED, "127.0.0.1:"):
            assert secret not in text


@pytest.mark.parametrize(
    "url",
    ["swordfish", "mysql://u:swordfish@h/d", "postgres://u:swordfish@h:x/d", "postgres://u:swordfish@["],
)
def test_what_is_no_url_of_postgres(run: Run, url: str) -> None:
    """C-7: it is told before anything is reached, and without its value."""
    done = run("web", DATABASE_URL=url)
    assert done.returncode == 78
    assert json.loads(done.stdout)["problems"].keys() == {"DATABASE_URL"}
    assert "swordfish" not in done.stdout


@pytest.mark.parametrize("space", ["\n", " \t", "\r\n"])
def test_white_space_around_it_is_no_part_of_it(run: Run, database: Database, space: str) -> None:
    """C-8: a secret that is mounted as a file ends with a line break."""
    assert run("check", DATABASE_URL=f"{space}{database.url}{space}").returncode == 0


@pytest.mark.parametrize(
    ("parameter", "word"),
    [
        ("pgbouncer=true", "libpq"),
        ("sslmode=swordfish", "verify-full"),
        ("connect_timeout=swordfish", "connect_timeout"),
        ("target_session_attrs=swordfish", "read-write"),
        ("port=99999", "5432"),
        ("sslmode", "libpq"),
    ],
)
def test_a_parameter_that_cannot_work(run: Run, parameter: str, word: str) -> None:
    """C-7: it is told before anything is reached, with what would be right."""
    done = run("web", DATABASE_URL=f"postgres://nobody:swordfish@nowhere.invalid/d?{parameter}")
    assert done.returncode == 78
    assert word in json.loads(done.stdout)["problems"]["DATABASE_URL"]
    assert "swordfish" not in done.stdout


def test_names_over_several_lines_are_told_to_nobody(run: Run, database: Database) -> None:
    """C-11: Postgres quotes them as they are."""
    url = database.server.url(quote("sword\nfish"))
    assert failure(run("check", DATABASE_URL=url)) == "database … does not exist"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Return who signs certificates."""
    return trustme.CA()


@pytest.fixture
def proxy(authority: trustme.CA, database: Database) -> Iterator[Relay]:
    """Return something that ends TLS before the server, which was built without."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with Relay(port(database), context) as relay:
        yield relay


def test_sslmode_require_where_there_is_no_tls(run: Run, database: Database) -> None:
    """C-8: nothing is sent in plain."""
    done = run("check", DATABASE_URL=f"{database.url}?sslmode=require")
    assert failure(done) == "server does not support SSL, but SSL was required"


def test_sslmode_require_with_tls(start: Start, run: Run, database: Database, proxy: Relay) -> None:
    """C-8: a certificate that nobody has signed is enough, as with Heroku's."""
    url = f"{database.url.replace(str(port(database)), str(proxy.port))}?sslmode=require"
    assert run("check", DATABASE_URL=url).returncode == 0
    assert proxy.encrypted
    service = start(DATABASE_URL=url)
    assert Connection(service.port).post("/notes", {"text": "one"})[0].status == 201


def test_sslmode_verify_full(
    run: Run, database: Database, proxy: Relay, authority: trustme.CA, tmp_path: Path
) -> None:
    """C-8: with the authority that the URL names, and with none but that."""
    url = f"{database.url.replace(str(port(database)), str(proxy.port))}?sslmode=verify-full&sslrootcert="
    for name, signer in (("good", authority), ("other", trustme.CA())):
        signer.cert_pem.write_to_path(tmp_path / name)
    assert run("check", DATABASE_URL=f"{url}{tmp_path / 'good'}").returncode == 0
    assert "certificate verify failed" in failure(run("check", DATABASE_URL=f"{url}{tmp_path / 'other'}"))


def test_a_pooler_in_transaction_mode_would_do(start: Start, database: Database) -> None:
    """C-8: no statement is prepared by name, and no start-up option is sent that PgBouncer refuses."""
    with Relay(port(database)) as relay:
        url = f"{database.url.replace(str(port(database)), str(relay.port))}?sslmode=disable"
        service = start(DATABASE_URL=url, DATABASE_POOL_SIZE="1")
        assert {status(service.port, "/notes") for _ in range(20)} == {200}
        sent = bytes(relay.sent)
    assert len(re.findall(rb'FROM "?notes', sent)) == 20
    assert not re.search(rb"P...[^\"]_pg3_", sent, re.DOTALL), "a Parse message that names its statement"
    startup = sent[8 : int.from_bytes(sent[:4])].split(b"\0")
    assert set(startup[0:-2:2]) <= {b"user", b"database", b"client_encoding", b"application_name"}
