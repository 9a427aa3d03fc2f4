"""Slipway's: kept current by `copier update`. Django's start, with the settings of this process."""

import os
import warnings
from typing import Any

import django
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from pydantic import ValidationError
from pydantic_settings import BaseSettings

_settings: list[BaseSettings] = []  # of this process, once Django has started


def setup(module: str, settings: BaseSettings) -> None:
    """Start Django with this settings module, made of `settings`; nothing changes it later."""
    if _settings:
        return
    _settings.append(settings)
    os.environ["DJANGO_SETTINGS_MODULE"] = module
    # Assets are the build's business: a process that needs none serves without them.
    warnings.filterwarnings("ignore", "No directory at")
    django.setup()


def settings_of[S: BaseSettings](kind: type[S], **build: object) -> S:
    """Return the settings of `setup`, or else those of the environment.

    A build and a type checker have neither, and get `build`, which opens nothing.
    """
    for settings in _settings:
        if isinstance(settings, kind):
            return settings
    try:
        return kind()
    except ValidationError:
        return kind.model_construct(None, **build)


class Request(WSGIRequest):
    """A request whose body may come in chunks, which Django would take for none."""

    def __init__(self, environ: dict[str, Any]) -> None:
        super().__init__(environ)
        if environ.get("wsgi.input_terminated"):
            self._stream = environ["wsgi.input"]


class Django(WSGIHandler):
    """The WSGI application."""

    request_class = Request
