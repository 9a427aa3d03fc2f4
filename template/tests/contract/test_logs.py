"""Everything that `web` writes is one JSON object on each line of stdout."""

import re

from .process import Start
from .router import ask

NOISE = ("noise on stdout", "noise on stderr", "noise as a warning", "noise in a thread")


def test_a_whole_life_is_events_on_stdout(probe: Start) -> None:
    web = probe("web", WEB_CONCURRENCY="2", SHUTDOWN_DRAIN_SECONDS="0")
    ask(web.port, "GET", "/contract/noise", X_Request_ID="noise")
    web.wait_for("request", "C-22: a request has no access event.", request_id="noise")
    web.terminate("group")
    assert web.wait("C-15: web did not exit on SIGTERM.") == 0, web.report()
    for noise in NOISE:
        assert any(noise in str(event.values()) for event in web.events), (
            f"C-20: {noise!r} did not become an event.\n{web.report()}"
        )
    for event in web.events:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+(Z|\+00:00)", event["timestamp"]), (
            f"C-21: {event['timestamp']} is not an RFC 3339 time in UTC."
        )
        assert event["process"] == "web", f"C-21: {event} names another process."
