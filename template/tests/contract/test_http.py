"""The responses of `web`, and what it logs about them."""

import json
import re

import pytest

from .environment import CANARY, MAX_BODY_BYTES
from .process import Process
from .router import Connection, ask

ACCESS = {"method", "path", "status", "duration_ms", "bytes", "request_id", "client"}


def test_health_is_answered_and_not_logged(web: Process) -> None:
    for path in ("/livez", "/readyz"):
        response, body = ask(web.port, "GET", path, X_Request_ID=f"health{path[1:]}")
        assert response.status == 200, f"C-11: {path} answers {response.status}: {body!r}"
    ask(web.port, "GET", "/contract/hold", X_Request_ID="after-health")
    web.wait_for("request", request_id="after-health")
    assert not web.find("request", path="/livez") + web.find("request", path="/readyz"), (
        "C-11: requests for /livez or /readyz are logged."
    )


def test_the_id_of_a_request_is_on_all_that_comes_of_it(web: Process) -> None:
    response, _ = ask(web.port, "GET", "/contract/hold?until=/", X_Request_ID="from-the-router")
    assert response.headers["X-Request-ID"] == "from-the-router", (
        "C-12: the response does not have the request's X-Request-ID."
    )
    missing = "C-12: an event of a request does not have the request's id."
    web.wait_for("held", missing, request_id="from-the-router", within=2)
    access = web.wait_for("request", missing, request_id="from-the-router", within=2)
    assert access.keys() >= ACCESS, f"C-22: the access event lacks {ACCESS - access.keys()}."

    response, _ = ask(web.port, "GET", "/contract/hold", X_Request_ID="{no id}")
    assert re.fullmatch(r"[A-Za-z0-9._-]{1,200}", response.headers.get("X-Request-ID", "")), (
        "C-12: web does not replace an invalid X-Request-ID."
    )


def test_an_error_is_answered_without_its_reason(web: Process) -> None:
    response, body = ask(web.port, "GET", "/contract/noise", X_Request_ID="the-error")
    assert response.status == 500, f"C-13: an unhandled error is answered with {response.status}."
    assert response.headers["Content-Type"] == "application/problem+json", (
        "C-13: an unhandled error is not answered with application/problem+json."
    )
    assert "the-error" in str(json.loads(body)), "C-13: the response to an error lacks its id."
    assert b"noise" not in body, f"C-13: the response to an error reveals internals: {body!r}"

    web.wait_for("request", request_id="the-error")
    logged = [event for event in web.events if "noise beside" in event.get("exception", "")]
    assert len(logged) == 1, f"C-13: {len(logged)} events have the traceback, not one."
    assert logged[0].get("request_id") == "the-error", "C-12: the traceback has no request id."


@pytest.mark.parametrize("framing", ["Content-Length", "chunked"])
def test_a_body_that_is_too_long_is_refused(web: Process, framing: str) -> None:
    document = json.dumps({"padding": "x" * 10 * MAX_BODY_BYTES}).encode()
    parts = [document[start : start + 1000] for start in range(0, len(document), 1000)]
    connection = Connection(web.port)
    connection.request(
        "POST",
        "/contract/work",
        document if framing == "Content-Length" else parts,
        {"Content-Type": "application/json"},
        encode_chunked=framing == "chunked",
    )
    response = connection.getresponse()
    assert response.status == 413, (
        f"C-13: a body over MAX_BODY_BYTES with {framing} is answered with {response.status}."
    )
    connection.close()


def test_secrets_in_requests_are_not_logged(web: Process) -> None:
    headers = {"Authorization": f"Bearer {CANARY}", "Cookie": f"session={CANARY}"}
    path, document = f"/contract/work?token={CANARY}", {"key": "secrets", "padding": CANARY}
    response, body = ask(web.port, "POST", path, document, **headers, X_Request_ID="secrets")
    assert response.status == 201, body
    web.wait_for("request", request_id="secrets")
    web.check_output()
