"""VII. Port binding: pages, frames and files, as Django's documentation has them (C-13, C-14, C-28)."""

import pytest

from tests.conftest import Start
from tests.support.client import Connection
from tests.support.project import Project

# They begin as Django's own pages do.
PAGES = {
    "404.html": '{% load static %}\n<!doctype html>\n<html lang="en">\n<head>\n  <title>Not Found</title>',
    "403.html": "<!doctype html>\n<title>403 Forbidden</title>",
    "403_csrf.html": "<!DOCTYPE html>\n<html lang='en'>\n<head>\n  <title>403 Forbidden</title>",
}
ROUTES = """

from django.core.exceptions import PermissionDenied
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.views.decorators import clickjacking


def forbidden(request):
    raise PermissionDenied


def page(request):
    return HttpResponse("<p>a page</p>")


def upload(request):
    return JsonResponse({"name": default_storage.save("a.txt", ContentFile(b"kept"))})


urlpatterns += [
    path("forbidden", forbidden),
    path("form", page),
    path("exempt", clickjacking.xframe_options_exempt(page)),
    path("same", clickjacking.xframe_options_sameorigin(page)),
    path("deny", page),
    path("upload", upload),
]
"""


@pytest.fixture
def extended(copied: Project) -> Project:
    """Return a service with these routes."""
    if copied.answers()["framework"] != "django":
        pytest.skip("This is Django's.")
    copied.add_routes()
    copied.append("routes.py", ROUTES)
    return copied


@pytest.mark.parametrize("own", [True, False], ids=["own", "djangos"])
def test_the_users_own_error_pages_stay(start: Start, extended: Project, own: bool) -> None:
    """C-13: even if they begin as those of Django do, which become documents."""
    if own and not extended.has_database:
        pytest.skip("Without a database, it has no templates.")
    if own:
        (extended.package / "templates").mkdir()
        for name, text in PAGES.items():
            (extended.package / "templates" / name).write_text(text + "<p>mine</p>")
    service = start(extended)
    connection = Connection(service.port)
    for (response, body), status in (
        (connection.get("/nowhere"), 404),
        (connection.get("/forbidden"), 403),
        (connection.post("/form", None), 403),
    ):
        assert response.status == status
        assert (b"mine" in body) == own, body
        assert (response.headers["content-type"] == "application/problem+json") == (not own)


@pytest.mark.parametrize(
    ("path", "frames", "ancestors"),
    [("/exempt", "ALLOWALL", "*"), ("/same", "SAMEORIGIN", "'self'"), ("/deny", "DENY", "'none'")],
)
def test_a_page_in_a_frame(start: Start, extended: Project, path: str, frames: str, ancestors: str) -> None:
    """C-14: `xframe_options_exempt` and `xframe_options_sameorigin` have their effect."""
    headers = Connection(start(extended).port).get(path)[0].headers
    assert headers["x-frame-options"] == frames
    assert f"frame-ancestors {ancestors};" in headers["content-security-policy"]


def test_a_file_without_a_place(start: Start, extended: Project) -> None:
    """C-28: it is refused, because other processes would not have it."""
    service = start(extended)
    assert Connection(service.port).get("/upload")[0].status == 500
    assert 'STORAGES["default"]' in service.wait_event("request failed")["exception"]
