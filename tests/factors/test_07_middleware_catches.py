"""VII. Port binding: a middleware of the user's that catches errors (C-13), under FastAPI."""

import json

import pytest

from tests.conftest import Start
from tests.factors.test_07_middleware import WRAPPED, framework, requests, write
from tests.support.client import Connection, send_raw
from tests.support.project import Project

# A middleware of FastAPI's that foresees an OSError, and that catches any error of some requests.
CATCHERS = {
    "call_next": """from starlette.middleware.cors import CORSMiddleware
    from fastapi.responses import JSONResponse

    app.add_middleware(CORSMiddleware, allow_origins=["*"])

    @app.middleware("http")
    async def catch(request, call_next):
        try:
            return await call_next(request)
        except OSError:
            return JSONResponse("foreseen", 409)
        except Exception:
            if not request.url.query:
                raise
            return JSONResponse("mine", 500)
""",
    "asgi": """from starlette.middleware.cors import CORSMiddleware
    from fastapi.responses import JSONResponse

    class Catch:
        def __init__(self, app):
            self.app = app

        async def __call__(self, scope, receive, send):
            try:
                await self.app(scope, receive, send)
            except OSError:
                await JSONResponse("foreseen", 409)(scope, receive, send)
            except Exception:
                if not scope["query_string"]:
                    raise
                await JSONResponse("mine", 500)(scope, receive, send)

    app.add_middleware(CORSMiddleware, allow_origins=["*"])
    app.add_middleware(Catch)
""",
}


@pytest.mark.parametrize("kind", CATCHERS)
def test_the_users_middleware_may_catch(start: Start, copied: Project, kind: str) -> None:
    """C-13, C-28: as in a bare FastAPI; a 5xx leaves its event. The rest still passes through CORS."""
    if framework(copied) != "fastapi":
        pytest.skip("The other frameworks answer before their middleware sees the error.")
    copied.add_routes()
    write(copied, WRAPPED.format(kind="FastAPI", then=CATCHERS[kind]))
    service = start(copied)
    caught = {"/boom?kind=timeout": (409, "foreseen"), "/boom?caught": (500, "mine")}
    for path, answer in caught.items():
        response, body = Connection(service.port).get(path)
        assert (response.status, json.loads(body)) == answer
        service.wait_event("request", path="/boom", status=answer[0])
    head, _, body = send_raw(service.port, next(iter(requests(copied)))).partition(b"\r\n\r\n")
    assert b"\r\naccess-control-allow-origin: *" in head.lower()
    assert json.loads(body)["status"] == 500
    service.wait_event("request", path="/boom", status=500, count=2)
    assert len(service.find("request failed")) == 2
