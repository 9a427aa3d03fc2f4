"""Database sessions, for requests and for jobs."""

from contextlib import AbstractContextManager

from flask import Flask, Response, g
from sqlalchemy.orm import Session

from .runtime.postgres import commit, end
from .services import Services


def transaction() -> AbstractContextManager[Session]:
    """Give a session whose transaction is committed at the end: `with transaction() as session`."""
    return Services.current().postgres.transaction()


def get_session() -> Session:
    """Return the session of this request or context, which is rolled back if that fails."""
    if "session" not in g:
        g.session = Services.current().postgres.sessions()
    session: Session = g.session
    return session


def init_app(app: Flask) -> None:
    """Commit and close the session of a request or context that has asked for one."""

    @app.after_request
    def keep(response: Response) -> Response:
        # Before the response is sent: a client never sees 201 although the commit fails.
        if "session" in g and (response.status_code < 400 or "has_failed" not in g):
            commit(g.session, response.status_code)
        return response

    @app.teardown_appcontext
    def close(error: BaseException | None) -> None:
        # A command or a thread has no response, and a stream with a context gets here twice.
        if session := g.pop("session", None):
            end(session, keep=error is None and "has_failed" not in g)
