"""Routes that the tests add to an emitted service, as its user would: by writing them, in its framework."""

from extensions.context import ON_WSGI

from . import django, fastapi, flask, litestar
from .shared import FORKS, SESSIONS, SOCKETS

_FRAMEWORKS = {"fastapi": fastapi, "litestar": litestar, "flask": flask, "django": django}

ROUTES = {
    name: ("" if name in ON_WSGI else SOCKETS) + framework.ROUTES for name, framework in _FRAMEWORKS.items()
}
DATABASE_ROUTES = {
    name: ("" if name == "django" else FORKS)
    + ("" if name in ON_WSGI else SESSIONS)
    + framework.DATABASE_ROUTES
    for name, framework in _FRAMEWORKS.items()
}
LIFESPANS = {name: framework.LIFESPAN for name, framework in _FRAMEWORKS.items()}
