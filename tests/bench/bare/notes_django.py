"""Notes in Django through psycopg: no middleware, no ORM."""

import json

import database
import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, JsonResponse
from django.urls import path

settings.configure(ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, SECRET_KEY="of the benchmark")
django.setup()


def create(request: HttpRequest) -> JsonResponse:
    """Insert one."""
    return JsonResponse(database.create(json.loads(request.body)["text"]), status=201)


def read(request: HttpRequest, number: int) -> JsonResponse:
    """Read one."""
    return JsonResponse(database.read(number))


urlpatterns = [path("notes", create), path("notes/<int:number>", read)]
app = WSGIHandler()
