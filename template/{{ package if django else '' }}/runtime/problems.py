"""Slipway's: kept current by `copier update`. Errors as documents (RFC 9457), made inside Django.

`errors.Problems` would answer them too, but Django's middleware would not see the response.
"""

import sys
from typing import Any

from django.core.signals import got_request_exception
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import get_resolver
from django.utils.deprecation import MiddlewareMixin

from . import responses
from .environ import refusal
from .services import Attached

KIND = "application/problem+json"


class Problems(MiddlewareMixin):
    """Answers refused bodies, outages, and errors that Django would answer with a page.

    Django's own pages remain in the admin, and for a status that has a handler in urls.py.
    """

    def process_request(self, request: HttpRequest) -> HttpResponse | None:
        """Refuse a body before anything reads it."""
        status = refusal(request.META)
        return _problem(status) if status else None

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Answer errors that are not the view's fault."""
        if status := refusal(request.META):
            return _problem(status)
        if outage := Attached.current().outage(exception):
            responses.log_outage(*outage)
            return _problem(503)
        return None

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        """Put a document in the place of a page."""
        match, status = request.resolver_match, response.status_code
        if (
            status >= 400
            and isinstance(response, HttpResponse)
            and response.headers.get("Content-Type", "").startswith("text/html")
            and not (match and "admin" in match.app_names)
            and not hasattr(get_resolver().urlconf_module, f"handler{status}")
        ):
            response.content = responses.problem(status)
            response["Content-Type"] = KIND
            response["Content-Length"] = str(len(response.content))
        return response


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer an error that nothing has handled: the `handler500` of urls.py."""
    if status := refusal(request.META):
        return _problem(status)
    error = sys.exception()
    return _problem(503 if error and Attached.current().outage(error) else 500)


@receiver(got_request_exception)
def log_error(request: HttpRequest, **_: Any) -> None:
    """Log an error that nothing has handled, whatever answers it."""
    error = sys.exception()
    if error and not refusal(request.META):
        services = Attached.current()
        responses.log_failure(error, services, method=str(request.method), path=request.path)


def _problem(status: int) -> HttpResponse:
    document = responses.problem(status)
    headers = {"Content-Length": str(len(document))}
    if status == 503:
        headers["Retry-After"] = "1"
    return HttpResponse(document, KIND, status, headers=headers)
