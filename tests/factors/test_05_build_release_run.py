"""V. Build, release, run: strictly separate stages (C-24)."""

import json
from pathlib import Path

from tests.conftest import Run, Start
from tests.support.client import Connection, inside_network_of, status
from tests.support.isolation import WITHOUT_NETWORK, needs
from tests.support.project import Project


def files(project: Project) -> dict[Path, tuple[int, int]]:
    """Return every file of a project with its size and time; bytecode is Python's own cache."""
    found = (path for path in project.path.rglob("*") if "__pycache__" not in path.parts)
    return {path: (path.stat().st_size, path.stat().st_mtime_ns) for path in found if path.is_file()}


def test_nothing_is_fetched(start: Start) -> None:
    """C-24: `web` starts without any network."""
    needs(WITHOUT_NETWORK)
    service = start(isolation=WITHOUT_NETWORK)
    port = service.port
    assert inside_network_of(service.root, lambda: status(port, "/")) == 200


def test_nothing_is_made(start: Start, copied: Project) -> None:
    """C-24, C-20: no file is compiled, collected or logged to, from the boot to the end."""
    before = files(copied)
    service = start(copied, SHUTDOWN_DRAIN_SECONDS="0")
    assert status(service.port, "/") == 200
    service.terminate()
    service.wait()
    assert files(copied) == before


def test_there_is_a_release_phase_only_where_there_is_a_schema(pristine: Project) -> None:
    """C-1, C-24."""
    assert ("release" in pristine.procfile()) == (pristine.package / "migrations").exists()


def test_a_release_knows_its_name(start: Start, run: Run) -> None:
    """C-6: the response, the log and the one-off processes say which one runs."""
    release = {"HEROKU_RELEASE_VERSION": "v42", "HEROKU_BUILD_COMMIT": "c0ffee"}
    _, body = Connection(start(given=release).port).get("/")
    assert json.loads(body)["version"] == "v42"
    assert '"v42"' in run("check", given=release).stdout
    _, body = Connection(start(HEROKU_BUILD_COMMIT="c0ffee").port).get("/")
    assert json.loads(body)["version"] == "c0ffee"
