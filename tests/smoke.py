"""`nox -s smoke`: copy with the defaults, boot `web`, request /readyz and stop it, on Linux and macOS."""

import signal
import subprocess
import tempfile
from pathlib import Path

from tests.support import postgres
from tests.support.client import status
from tests.support.project import Project, environment, render
from tests.support.service import Service
from tests.support.template import snapshot


def main() -> None:
    """Fail with the log of `web` if it does not boot, is not ready, or does not exit with status 0."""
    with tempfile.TemporaryDirectory(prefix="slipway-") as folder, postgres.running() as server:
        snapshot(Path(folder, "template"))
        project = Project(Path(folder, "project"))
        render(Path(folder, "template"), project.path, {})
        installed = environment(Path(folder), project, dev=False)
        variables = {"DATABASE_URL": server.url(server.create())}
        release = project.procfile()["release"]
        subprocess.run(
            [installed / "bin" / release[0], *release[1:]], cwd=project.path, env=variables, check=True
        )
        web = Service(project, installed, variables, project.procfile()["web"])
        try:
            answer = status(web.port, "/readyz")
            if answer != 200:
                raise SystemExit(f"/readyz answers {answer}:\n{web.report()}")
            web.signal(signal.SIGTERM)
            if ended := web.wait():
                raise SystemExit(f"SIGTERM ends it with status {ended}:\n{web.report()}")
        finally:
            web.kill()
    print("It was copied, boots, is ready, and ends with status 0.")


if __name__ == "__main__":
    main()
