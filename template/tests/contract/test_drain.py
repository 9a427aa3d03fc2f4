"""SIGTERM to `web` under load, from a router that notices it late."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from .environment import BUSY_SECONDS, DRAIN_SECONDS, EXIT_SECONDS, GRACE_SECONDS
from .process import Process, Start, eventually
from .router import Router, ask, status
from .yours import PATHS

LAG_SECONDS = 1.2  # how late the router notices; less than the drain
AT_ONCE_SECONDS = 1.0
REQUESTS = 50  # before SIGTERM


def must_end(web: Process, seconds: float) -> None:
    limit = seconds + EXIT_SECONDS
    promise = f"C-15: web did not exit within drain + grace + 2 s = {limit:g} s."
    ended = web.wait(promise, limit + BUSY_SECONDS)
    assert ended == 0, f"C-15: web exited with {ended} instead of 0 on SIGTERM.\n{web.report()}"


@pytest.mark.parametrize("to", ["root", "group"])
def test_nothing_is_lost(probe: Start, tmp_path: Path, to: str) -> None:
    """Docker sends one SIGTERM to the root process; Heroku sends several, to all processes."""
    web = probe("web", WEB_CONCURRENCY="2")
    port, until = web.port, tmp_path / "until"
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(ask, port, "GET", f"/contract/hold?until={until}")
        try:
            web.wait_for("held", until=str(until))
            with Router(port, "/contract/hold", *PATHS) as router:
                router.wait_for(REQUESTS)
                web.terminate(to)
                learns_at = time.monotonic() + LAG_SECONDS
                if to == "group":
                    web.terminate(to)
                eventually(
                    lambda: status(port, "/readyz") == 503,
                    "C-15: /readyz does not answer 503 at once after SIGTERM.",
                    within=AT_ONCE_SECONDS,
                )
                assert not router.ask("/contract/hold"), (
                    "C-15: a response during the drain has no `Connection: close`."
                )
                time.sleep(max(0, learns_at - time.monotonic()))
            assert not router.lost, (
                f"C-15: {len(router.lost)} requests were lost, from a router that notices SIGTERM "
                f"{LAG_SECONDS} s late: {router.lost[0]}\n{web.report()}"
            )
            still = "C-15: web still listens after the drain."
            eventually(lambda: status(port, "/livez") == 0, still)
        finally:
            until.touch()
        answered = slow.result()[0].status
    assert answered == 200, f"C-15: a request in flight at SIGTERM got {answered}."
    must_end(web, DRAIN_SECONDS + GRACE_SECONDS)


def test_what_outlasts_the_grace_is_cut(probe: Start, tmp_path: Path) -> None:
    web = probe("web", SHUTDOWN_DRAIN_SECONDS="0.5", SHUTDOWN_GRACE_SECONDS="1")
    until = tmp_path / "never"
    with ThreadPoolExecutor(1) as pool:
        endless = pool.submit(ask, web.port, "GET", f"/contract/hold?until={until}")
        web.wait_for("held", until=str(until))
        web.terminate()
        must_end(web, 0.5 + 1)
        endless.exception()  # a 503 or a broken connection: both are allowed
