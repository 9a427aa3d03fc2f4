"""C-29: if an edit breaks a promise, a contract test names the line of the contract."""

import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.support import variants
from tests.support.project import Project
from tests.support.selection import named

from .conftest import Prove


@dataclass(frozen=True)
class Edit:
    """An edit of a service in FastAPI, and the line of the contract that it breaks."""

    line: str
    says: str
    """A pattern that the message must match."""
    proof: str
    file: str
    old: str = ""
    """The text that `new` replaces. If it is empty, `new` is appended."""
    new: str = ""
    queue: str = "none"
    database: str = "none"


# Appended to app.py: code around the original application.
AROUND = """

from typing import Any

from fastapi import Request

_create_app = create_app


def create_app(*arguments: Any) -> FastAPI:  # type: ignore[no-redef]
    app = _create_app(*arguments)
"""
EDITS = {
    "a blocking call in an async route": Edit(
        "C-15",
        "/readyz does not answer 503 at once|requests were lost",
        "test_drain.py",
        "routes.py",
        new="""

import time

from .runtime.drain import drain


@router.get("/report")
async def report() -> None:
    if drain.draining:  # or it would be left to chance which requests wait for it
        time.sleep(10)
""",
    ),
    "a handler that answers with the error": Edit(
        "C-13",
        r"not answered with application/problem\+json",
        "test_http.py",
        "app.py",
        new=AROUND
        + """
    from starlette.responses import PlainTextResponse

    @app.exception_handler(Exception)
    async def show(request: Request, error: Exception) -> Any:
        return PlainTextResponse(repr(error), 500)

    return app
""",
    ),
    "a middleware that forgets the request": Edit(
        "C-12",
        "an event of a request does not have the request's id",
        "test_http.py",
        "app.py",
        new=AROUND
        + """
    import structlog

    @app.middleware("http")
    async def forget(request: Request, call_next: Any) -> Any:
        structlog.contextvars.clear_contextvars()
        return await call_next(request)

    return app
""",
    ),
    "a print of a header": Edit(
        "C-22",
        "web logged the value of a secret",
        "test_http.py",
        "app.py",
        new=AROUND
        + """
    @app.middleware("http")
    async def show(request: Request, call_next: Any) -> Any:
        print(request.headers.get("authorization"))
        return await call_next(request)

    return app
""",
    ),
    "a print of a setting": Edit(
        "C-22",
        "web logged the value of a secret",
        "test_boot.py",
        "app.py",
        # The log masks the credentials of a URL. This URL has none, so all of it is secret.
        new=AROUND + "    print(arguments[0].redis_url.get_secret_value())\n    return app\n",
        queue="dramatiq",
    ),
    "a thread that writes to stderr": Edit(
        "C-21",
        "a line that is not a JSON object",
        "test_logs.py",
        "app.py",
        new=AROUND
        + """
    import os
    import threading

    threading.Thread(target=os.write, args=(2, b"a library of C complains\\n"), daemon=True).start()
    return app
""",
    ),
    "something on stderr before all else": Edit(
        "C-20",
        "wrote to stderr",
        "test_boot.py",
        "__init__.py",
        new='import sys\n\nprint("hello", file=sys.stderr)\n',
    ),
    "no limit of the body": Edit(
        "C-13",
        "a body over MAX_BODY_BYTES",
        "test_http.py",
        "middleware.py",
        "        partial(http.BodyLimit, max_bytes=settings.max_body_bytes),\n",
    ),
    "a process type that does not exist": Edit(
        "C-2",
        "worker does not start as the Procfile says",
        "test_boot.py",
        "../Procfile",
        new="worker: python -m order_desk work\n",
    ),
    "a handler that keeps SIGTERM": Edit(
        "C-15",
        "web did not exit on SIGTERM",
        "test_boot.py",
        "app.py",
        new=AROUND
        + """
    import signal

    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    return app
""",
    ),
    "a session that commits whatever happens": Edit(
        "C-10",
        "answered with 500 left 1 rows",
        "test_transactions.py",
        "db.py",
        new="""

async def _careless() -> AsyncIterator[AsyncSession]:
    session = Services.current().postgres.async_sessions()
    try:
        yield session
    finally:
        await session.commit()
        await session.close()


Session = Annotated[AsyncSession, Depends(_careless, scope="function")]  # type: ignore[misc]
""",
        database="postgres",
    ),
    "jobs that keep SIGTERM": Edit(
        "C-16",
        r"worker did not exit within grace \+ 2 s",
        "test_workers.py",
        "jobs.py",
        new="\n\nimport signal\n\nsignal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})\n",
        database="postgres",
        queue="procrastinate",
    ),
}

# What the gate breaks; `variants` breaks all.
IN_GATE = (
    "a blocking call in an async route",
    "a thread that writes to stderr",
    "a session that commits whatever happens",
    "jobs that keep SIGTERM",
)


@pytest.mark.timeout(400)
@pytest.mark.parametrize("edit", named(EDITS, *IN_GATE))
def test_it_names_the_line_that_is_broken(
    edit: Edit, emit: Callable[[variants.Answers], Project], prove: Prove
) -> None:
    project = emit({"framework": "fastapi", "database": edit.database, "queue": edit.queue})
    file = project.package / edit.file
    text = file.read_text()
    assert edit.old in text
    file.write_text(text.replace(edit.old, edit.new) if edit.old else text + edit.new)
    if "/report" in edit.new:
        yours = project.path / "tests" / "contract" / "yours.py"
        yours.write_text(yours.read_text().replace("= ()", '= ("/report",)'))
    done = prove(project, edit.proof)
    assert done.returncode == 1, done.stdout
    broken = [line for line in done.stdout.splitlines() if f"AssertionError: {edit.line}: " in line]
    assert any(re.search(edit.says, line) for line in broken), done.stdout
