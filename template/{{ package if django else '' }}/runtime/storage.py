"""Maintained by `copier update`. The storage of a service that has not chosen one."""

from typing import Any, NoReturn

from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import Storage


class NoStorage(Storage):
    """Refuses to save: a process loses its files, and the other processes never have them."""

    def exists(self, name: str) -> bool:
        return False

    def _save(self, name: str, content: Any) -> NoReturn:
        raise ImproperlyConfigured(
            'This service has no place for files. Set STORAGES["default"] in django_settings.py to'
            " a storage that all processes share, such as one of django-storages."
        )
