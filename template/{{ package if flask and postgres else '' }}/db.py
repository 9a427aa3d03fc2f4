"""The database in a request, and in a job."""

from contextlib import AbstractContextManager

from flask import Flask, Response, g
from sqlalchemy.orm import Session

from .services import Services


def transaction() -> AbstractContextManager[Session]:
    """Give a session whose transaction is committed at the end: `with transaction() as session`."""
    return Services.current().postgres.transaction()


def get_session() -> Session:
    """Return the session of this request: one transaction, rolled back if the request fails."""
    if "session" not in g:
        g.session = Services.current().postgres.sessions()
    session: Session = g.session
    return session


def init_app(app: Flask) -> None:
    """Commit and close the session of a request that has asked for one."""

    @app.after_request
    def commit(response: Response) -> Response:
        # Before the response is sent: a client never sees 201 although the commit fails.
        if "session" in g and response.status_code < 400:
            g.session.commit()
        return response

    @app.teardown_appcontext
    def close(_error: BaseException | None) -> None:
        if "session" in g:
            g.session.close()
