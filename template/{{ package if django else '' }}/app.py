"""The web application. Importing this module reads nothing and connects to nothing."""

from importlib import import_module

from .runtime.boot import Django, setup
from .settings import Settings


def create_app(settings: Settings) -> Django:
    """Compose the application, as django_settings.py and urls.py say."""
    setup(f"{__package__}.django_settings", settings)
    import_module(f"{__package__}.urls")  # an error in a view fails the boot
    return Django()
