"""IV. Backing services: sessions, from their beginning to their end (C-10, C-19, C-28)."""

import contextlib
import http.client
from pathlib import Path

import pytest

from tests.conftest import Run, Start
from tests.support.client import Connection, status
from tests.support.postgres import Database
from tests.support.project import Project, edited
from tests.support.service import Service, eventually
from tests.support.sessions import COMMANDS, LISTEN, LISTEN_ASYNC, ROUTES

pytestmark = pytest.mark.database


@pytest.fixture
def web(start: Start, pristine: Project, shared: Path, database: Database) -> Service:
    """Return a service with routes that use sessions in unusual places, and with two connections."""
    framework = str(pristine.answers()["framework"])
    if framework not in ROUTES:
        pytest.skip("Django has no session.")
    project = edited(pristine, shared, "sessions", lambda copy: copy.append("routes.py", ROUTES[framework]))
    return start(project, DATABASE_URL=database.url, DATABASE_POOL_SIZE="2")


def post(service: Service, path: str) -> int:
    """POST, and return the status, or 0 if the response is cut."""
    with contextlib.suppress(http.client.HTTPException, OSError):
        return Connection(service.port).post(path, None)[0].status
    return 0


def texts(database: Database) -> list[str]:
    """Return the texts of all notes."""
    return [text for (text,) in database.execute("SELECT text FROM notes ORDER BY id")]


@pytest.mark.parametrize("how", ["add", "flush", "stream"])
def test_a_session_ends_with_its_request(web: Service, database: Database, how: str) -> None:
    """C-10, C-19: what uses it later is refused with the reason, and takes no connection."""
    for _ in range(6):
        post(web, f"/late/{how}")
    web.wait_event("request failed", count=6)
    for event in web.find("request failed"):
        # Litestar's group of errors may be so long that the log keeps its two ends only.
        closed = "This Session has been permanently closed" in event["exception"]
        assert closed or ("Exception Group" in event["exception"] and "[…]" in event["exception"])
    assert status(web.port, "/readyz") == 200, web.report()
    assert texts(database) == []
    assert {event["event"] for event in web.events if event["level"] == "error"} == {"request failed"}


@pytest.mark.parametrize("how", ["task", "stream"])
def test_what_outlives_its_request_has_a_transaction(web: Service, database: Database, how: str) -> None:
    """C-10: `transaction()`, as README.md says."""
    assert {post(web, f"/own/{how}") for _ in range(6)} <= {200, 201, 202}
    eventually(lambda: texts(database) == ["late"] * 6, "end of all")
    assert status(web.port, "/readyz") == 200


@pytest.mark.parametrize(("how", "count"), [("once", 1), ("again", 2)])
def test_a_session_that_its_route_closes(web: Service, database: Database, how: str, count: int) -> None:
    """C-28: it can be used again, and the end of the request commits that."""
    assert post(web, f"/closed/{how}") == 201, web.report()
    assert texts(database) == ["late"] * count


@pytest.mark.parametrize("how", ["stream", "request", "app", "view"])
def test_a_context_of_flask_is_a_transaction(
    web: Service, pristine: Project, database: Database, how: str
) -> None:
    """C-10, C-28: committed at its end unless it fails, also where no view runs or its response has begun."""
    if pristine.answers()["framework"] != "flask":
        pytest.skip("The others have no contexts.")
    post(web, f"/context/{how}?fail=1")
    assert texts(database) == []
    assert post(web, f"/context/{how}") == (404 if how == "view" else 201), web.report()
    assert texts(database) == ([] if how == "view" else ["late"])
    assert status(web.port, "/readyz") == 200


def test_a_command_of_flask_is_a_transaction(run: Run, pristine: Project, database: Database) -> None:
    """C-28: and it can also commit by itself."""
    if pristine.answers()["framework"] != "flask":
        pytest.skip("The others have no commands.")
    done = run("shell", stdin=COMMANDS, DATABASE_URL=database.url)
    assert done.returncode == 0, done.stderr
    assert texts(database) == ["plain", "commits", "goes on"]


@pytest.mark.parametrize("script", [LISTEN, LISTEN_ASYNC], ids=["blocking", "async"])
def test_notifications_are_waited_for(run: Run, pristine: Project, database: Database, script: str) -> None:
    """C-28: without a limit, because no statement runs, or as long as the code says."""
    framework = pristine.answers()["framework"]
    if framework == "django" or (script is LISTEN_ASYNC and framework == "flask"):
        pytest.skip("It has no such connections.")
    done = run("shell", stdin=script, DATABASE_URL=database.url)
    assert (done.returncode, done.stdout) == (0, "late\n"), done.stderr
