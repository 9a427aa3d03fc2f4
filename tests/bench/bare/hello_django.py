"""Django, bare: no middleware, no database."""

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, JsonResponse
from django.urls import path

settings.configure(ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, SECRET_KEY="of the benchmark")
django.setup()


def index(request: HttpRequest) -> JsonResponse:
    """Answer about as long as the emitted index."""
    return JsonResponse({"service": "order-desk", "version": "unreleased"})


urlpatterns = [path("", index)]
app = WSGIHandler()
