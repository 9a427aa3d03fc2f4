"""The web process, from its start to its end."""

import signal
import socket

import httpx

from .conftest import Start


def test_what_is_in_flight_at_sigterm_is_answered(start: Start) -> None:
    web = start("web", PORT="0", SHUTDOWN_DRAIN_SECONDS="2")
    port = web.wait_for("listening")["port"]
    with socket.create_connection(("localhost", port), timeout=5) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n")  # its end is still to come

        web.popen.send_signal(signal.SIGTERM)
        web.wait_for("draining")
        readiness = httpx.get(f"http://localhost:{port}/readyz", trust_env=False)  # not by a proxy
        assert readiness.status_code == 503

        client.sendall(b"\r\n")
        with client.makefile("rb") as response:
            assert response.read().startswith(b"HTTP/1.1 200 OK\r\n")
    assert web.wait() == 0
    assert web.events[-1]["event"] == "stopped"
