"""All that `web` writes in its life is one JSON object a line on stdout."""

import re

from .process import Start
from .router import ask

NOISE = ("noise on stdout", "noise on stderr", "noise as a warning", "noise in a thread")


def test_a_whole_life_is_events_on_stdout(probe: Start) -> None:
    web = probe("web", WEB_CONCURRENCY="2", SHUTDOWN_DRAIN_SECONDS="0")
    ask(web.port, "GET", "/contract/noise", X_Request_ID="noise")
    web.wait_for("request", "C-22: a request has no access event.", request_id="noise")
    web.terminate("group")
    assert web.wait("C-15: web has not ended on SIGTERM.") == 0, web.report()
    for noise in NOISE:
        assert any(noise in str(event.values()) for event in web.events), (
            f"C-20: {noise!r} has not become an event.\n{web.report()}"
        )
    for event in web.events:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+(Z|\+00:00)", event["timestamp"]), (
            f"C-21: {event['timestamp']} is no time of RFC 3339 in UTC."
        )
        assert event["process"] == "web", f"C-21: {event} is said to be of another process."
