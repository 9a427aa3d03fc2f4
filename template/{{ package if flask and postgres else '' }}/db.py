"""The database in a request."""

from flask import Flask, Response, current_app, g
from sqlalchemy.orm import Session

from .runtime.postgres import Database


def get_session() -> Session:
    """The session of this request: one transaction, which is rolled back if the request fails."""
    if "session" not in g:
        database: Database = current_app.extensions["database"]
        g.session = database.sessions()
    session: Session = g.session
    return session


def init_app(app: Flask, database: Database) -> None:
    """Give each request a session where it asks for one."""
    app.extensions["database"] = database

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
