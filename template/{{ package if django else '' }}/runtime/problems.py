"""Maintained by `copier update`. Errors as documents (RFC 9457), made inside Django.

`errors.Problems` would answer them too, but Django's middleware would not see the response.
"""

import re
import sys
from typing import Any

from django.core.signals import got_request_exception
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.http.response import FileResponse, HttpResponseBase
from django.template import TemplateDoesNotExist, loader
from django.utils.deprecation import MiddlewareMixin
from django.views.csrf import CSRF_FAILURE_TEMPLATE_NAME, builtin_template_path
from django.views.defaults import ERROR_PAGE_TEMPLATE

from . import responses
from .environ import refusal
from .services import Attached

KIND = "application/problem+json"
# Django's own pages: errors as a whole, and the beginning of what CsrfViewMiddleware answers.
ERROR_PAGE = re.compile("[^<]*".join(map(re.escape, re.split(r"%\(\w+\)s", ERROR_PAGE_TEMPLATE))))
REFUSAL = builtin_template_path("csrf_403.html").read_text("utf-8").partition("<style")[0].encode()


class Problems(MiddlewareMixin):
    """Answers refused bodies, outages, and errors that Django would answer with a page.

    The pages of the admin remain, and those that the service makes with a view, a template such as
    404.html, or a handler in urls.py.
    """

    def process_request(self, request: HttpRequest) -> HttpResponse | None:
        """Refuse a body before anything reads it, and drop cookies that Postgres cannot take."""
        for name in [name for name, value in request.COOKIES.items() if "\0" in value]:
            del request.COOKIES[name]
        status = refusal(request.META)
        return response(status) if status else None

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Answer errors that are not the view's fault."""
        if status := refusal(request.META):
            return response(status)
        if Attached.current().outage(exception):
            return response(503)
        return None

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        """Replace a page of Django's own with a problem document."""
        if getattr(response, "xframe_options_exempt", False):
            response.setdefault("X-Frame-Options", "ALLOWALL")  # or the runtime adds DENY
        match, status = request.resolver_match, response.status_code
        if (
            status >= 400
            and isinstance(response, HttpResponse)
            and response.headers.get("Content-Type", "").startswith("text/html")
            and not (match and "admin" in match.app_names)
            and (not response.content or _is_djangos(response.content))
        ):
            response.content = responses.problem(status)
            response["Content-Type"] = KIND
            response["Content-Length"] = str(len(response.content))
        return response


def _is_djangos(content: bytes) -> bool:
    if content.startswith(REFUSAL):
        try:
            loader.get_template(CSRF_FAILURE_TEMPLATE_NAME)
        except TemplateDoesNotExist:
            return True
    return bool(ERROR_PAGE.fullmatch(content.decode("utf-8", "replace")))


def documented(answer: HttpResponseBase) -> HttpResponseBase:
    """Return the response, or a document for an empty error of WhiteNoise, outside `Problems`."""
    is_empty = isinstance(answer, FileResponse) and not answer.get("Content-Type")
    if answer.status_code < 400 or not is_empty:
        return answer
    document = response(answer.status_code)
    for name, value in answer.items():
        document.headers.setdefault(name, value)
    return document


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer an error that nothing handled. urls.py sets this as `handler500`."""
    if status := refusal(request.META):
        return response(status)
    error = sys.exception()
    return response(503 if error and Attached.current().outage(error) else 500)


@receiver(got_request_exception)
def log_error(request: HttpRequest, **_: Any) -> None:
    """Log an error that nothing has handled, whatever answers it."""
    error = sys.exception()
    if error and not refusal(request.META):
        services = Attached.current()
        responses.log_failure(error, services, method=str(request.method), path=request.path)


def response(status: int, **members: Any) -> HttpResponse:
    """Return a problem document, with members of its own (RFC 9457, section 3.2)."""
    document = responses.problem(status, **members)
    headers = {"Content-Length": str(len(document))}
    if status == 503:
        headers["Retry-After"] = "1"
    return HttpResponse(document, KIND, status, headers=headers)
