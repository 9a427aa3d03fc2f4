"""`nox -s attack`: send raw inputs, slow clients and overload to a service of each framework."""

import argparse
import datetime
import shlex
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support import postgres as pg
from tests.support import variants
from tests.support.project import Project, environment, render
from tests.support.service import Service
from tests.support.template import snapshot

from . import corpus, overload, page, raw, slow
from .others import Health, Ordinary
from .page import Raw, Run

HEAD = """# How a service withstands attacks

A service of each framework runs with Postgres and on real sockets. During the attacks, ordinary clients
send requests, and a probe asks /livez and /readyz twenty times a second.

*Raw inputs* are written by hand (framing, heads, targets, bodies, pipelines, upgrades), or are valid
requests in which bytes were changed. The columns say how the service answered the first request on the
connection. *Smuggled* counts requests inside a body that the service took for requests. *Lost* counts
ordinary requests that got no answer. The slow clients stay until the service has closed all of them, which
it does 3 s after they stop sending or reading. Under overload, each connection sends one request after
another. The service refuses a request with 503 before it does any work for it, or because Postgres had no
free connection for it within a second. *Not ready* counts how often /readyz said that the service was not
ready.
"""
PARTS = ("raw", "slow", "overload")
CLIENT_TIMEOUT_SECONDS = 3


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    asked = argparse.ArgumentParser("nox -s attack --", description=__doc__)
    asked.add_argument("parts", nargs="*", choices=[*PARTS, []], help="which attacks to run; all by default")
    frameworks = variants.choices()["framework"]
    asked.add_argument("--framework", action="append", choices=frameworks, help="attack only this one")
    asked.add_argument("--inputs", type=int, default=800, help="how many raw inputs to send (%(default)s)")
    asked.add_argument("--seed", type=int, default=1, help="the seed of the random choice (%(default)s)")
    asked.add_argument(
        "--connections", type=int, default=500, help="how many connections overload the service (%(default)s)"
    )
    asked.add_argument(
        "--seconds", type=float, default=10, help="how many seconds the overload lasts (%(default)s)"
    )
    asked.add_argument("--write", type=Path, metavar="FILE", help="write the page to this file")
    return asked


@contextmanager
def serving(framework: str, folder: Path, server: pg.Server) -> Iterator[Service]:
    """Run a service of the framework on a database of its own, with the routes that the tests use."""
    template = folder / "template"
    if not template.exists():
        snapshot(template)
    project = Project(folder / framework)
    render(template, project.path, {"framework": framework, "database": "postgres", "queue": "none"})
    project.add_routes()
    variables = {
        "DATABASE_URL": server.url(server.create()),
        "CLIENT_TIMEOUT_SECONDS": str(CLIENT_TIMEOUT_SECONDS),
        **project.secrets,
    }
    production, commands = environment(folder, project, dev=False), project.procfile()
    assert Service(project, production, variables, commands["release"]).wait() == 0
    service = Service(project, production, variables, commands["web"])
    try:
        service.wait_event("listening")
        yield service
    finally:
        service.kill()


def attack(service: Service, framework: str, given: argparse.Namespace) -> Run:
    """Run the chosen attacks against one service."""
    run, parts = Run(framework), given.parts or PARTS
    if "raw" in parts:
        port, inputs = service.port, corpus.inputs(given.inputs, given.seed)
        with Ordinary(port) as ordinary, Health(port) as health:
            outcomes = raw.attack_all(port, inputs, given.seed)
        run.inputs = Raw(outcomes, raw.smuggled(service), ordinary, health)
    if "slow" in parts:
        kinds = [kind for kind in slow.KINDS if framework in kind.frameworks]
        run.delays = [slow.delay(service, kind, count) for kind in kinds for count in kind.counts]
    if "overload" in parts:
        for connections in (64, given.connections):
            run.loads.append(overload.overload(service, connections, given.seconds))
    run.deaths = int(service.process.poll() is not None)
    run.told = raw.told(service)
    return run


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 1 if the service broke a promise. Times are reported, but not judged."""
    given = parser().parse_args(arguments)
    runs = []
    with tempfile.TemporaryDirectory(prefix="attack-") as folder, pg.running() as server:
        for framework in given.framework or variants.choices()["framework"]:
            with serving(framework, Path(folder), server) as service:
                runs.append(attack(service, framework, given))
            print(page.page(runs[-1:]), flush=True)
    if given.write:
        options = shlex.join(arguments if arguments is not None else sys.argv[1:])
        today = datetime.datetime.now(datetime.UTC).date()
        made = f"`uvx nox -s attack -- {options}` wrote this page on {today}.\n"
        given.write.write_text(f"{HEAD}\n{made}\n{page.page(runs)}", encoding="utf-8")
    return int(any(run.broken() for run in runs))


if __name__ == "__main__":
    sys.exit(main())
