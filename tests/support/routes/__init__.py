"""Routes that the tests add to an emitted service, as its user would: by writing them, in its framework."""

from . import django, fastapi, flask, litestar

_FRAMEWORKS = {"fastapi": fastapi, "litestar": litestar, "flask": flask, "django": django}

ROUTES = {name: framework.ROUTES for name, framework in _FRAMEWORKS.items()}
DATABASE_ROUTES = {name: framework.DATABASE_ROUTES for name, framework in _FRAMEWORKS.items()}
LIFESPANS = {name: framework.LIFESPAN for name, framework in _FRAMEWORKS.items()}
