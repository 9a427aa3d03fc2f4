"""VII. Port binding: input that only a framework or a backing service cannot take (C-13, C-22)."""

import pytest

from tests.conftest import Start
from tests.factors.test_07_http_errors import JSON, ask, assert_is_problem
from tests.support.project import Project
from tests.support.service import Service

STYLE = "/static/admin/css/base.css"
DEEP = [b"[" * 50_000 + b"]" * 50_000, b'{"a":' * 50_000 + b"1" + b"}" * 50_000]
PARTS = {"Content-Type": "multipart/form-data; boundary=x"}
CHARSETS = {"nonsense": b"a", "base64": b"a", "ascii": b"\xff", "utf-8": b"\xff"}
PART = (
    b'--x\r\nContent-Disposition: form-data; name="a"\r\n'
    b"Content-Type: text/plain; charset=%s\r\n\r\n%s\r\n--x--\r\n"
)


def only(project: Project, framework: str) -> None:
    """Skip the test for other frameworks."""
    if project.answers()["framework"] != framework:
        pytest.skip(f"This is {framework.title()}'s.")


def assert_is_refused(service: Service, path: str, headers: dict[str, str], body: bytes) -> None:
    """Check that it gets a 400, and that nothing is logged as an error."""
    assert_is_problem(*(answer := ask(service.port, "POST", path, headers, body)))
    assert answer[0] == 400
    assert not service.find("request failed", path=path)


@pytest.mark.parametrize("body", DEEP, ids=["lists", "objects"])
def test_json_that_is_too_deep(web: Service, probed: Project, body: bytes) -> None:
    """C-13: it is malformed, also for Flask's `get_json`."""
    only(probed, "flask")
    assert_is_refused(web, "/json", JSON, body)
    assert ask(web.port, "POST", "/json", JSON, b'{"a": 1}')[0] == 200


@pytest.mark.parametrize("path", ["/form", "/parts"])
@pytest.mark.parametrize("charset", CHARSETS)
def test_a_part_that_is_no_text(web: Service, probed: Project, charset: str, path: str) -> None:
    """C-13: a charset that does not exist, or that does not fit, also for Litestar's forms."""
    only(probed, "litestar")
    assert_is_refused(web, path, PARTS, PART % (charset.encode(), CHARSETS[charset]))
    assert ask(web.port, "POST", path, PARTS, PART % (b"latin-1", b"\xff"))[::2] == (200, b"1")


@pytest.mark.database
def test_text_that_postgres_cannot_store(web: Service, probed: Project) -> None:
    """C-13: the example refuses a NUL as it refuses any other invalid input."""
    for method, path, body in (
        ("POST", "/notes", rb'{"text": "a\u0000"}'),
        ("GET", "/notes?after=%00", None),
    ):
        status, headers, document = ask(web.port, method, path, JSON, body)
        assert status == probed.invalid
        assert_is_problem(status, headers, document)
    assert ask(web.port, "GET", "/notes/%00")[0] in (404, probed.invalid)
    assert not web.find("request failed")


@pytest.mark.database
def test_a_cookie_that_postgres_cannot_take(web: Service, probed: Project) -> None:
    """C-13: a NUL in the key of Django's session; it is no session."""
    only(probed, "django")
    status, headers, _ = ask(web.port, "GET", "/admin/", {"Cookie": r'sessionid="\000aaaaaaaaaaaa"'})
    assert (status, headers["location"]) == (302, "/admin/login/?next=/admin/")
    assert not web.find("request failed", path="/admin/")


@pytest.mark.database
def test_errors_of_static_files(start: Start, probed: Project) -> None:
    """C-13: problem documents too, although WhiteNoise stands outside of ours."""
    only(probed, "django")
    service = start(STATIC_AUTOREFRESH="true")
    for method in ("POST", "PUT", "OPTIONS", "TRACE", "DELETE"):
        status, headers, body = ask(service.port, method, STYLE)
        assert (status, headers["allow"]) == (405, "GET, HEAD")
        assert_is_problem(status, headers, body)
    for given in ("bytes=9-3", "bytes=999999-"):
        status, headers, body = ask(service.port, "GET", STYLE, {"Range": given})
        assert status == 416
        assert headers["content-range"].startswith("bytes */")
        assert_is_problem(status, headers, body)
    assert ask(service.port, "HEAD", STYLE, {"Range": "bytes=9-3"})[::2] == (416, b"")
    assert ask(service.port, "GET", STYLE, {"Range": "bytes=0-5"})[0] == 206
    assert ask(service.port, "GET", STYLE)[0] == 200
