"""Reading the settings: all problems at once, in one event, and never a value."""

import os
import sys

import structlog
from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

CONFIG = SettingsConfigDict(
    env_ignore_empty=True,  # `heroku config:set X=` and Compose's `${X:-}` mean "not set"
    extra="ignore",
    frozen=True,
    hide_input_in_errors=True,  # an input may be a secret
    use_attribute_docstrings=True,  # the text below a field is its description
)


def problems(error: ValidationError) -> dict[str, str]:
    """Name each offending variable and say what it should be."""
    return {
        "_".join(str(part) for part in detail["loc"][:1]).upper() or "settings": detail["msg"]
        for detail in error.errors(include_input=False, include_url=False)
    }


def load[S: BaseSettings](settings: type[S]) -> S:
    """Read `settings` from the environment, or end the process with EX_CONFIG of sysexits.h."""
    try:
        return settings()
    except ValidationError as error:
        found = problems(error)
    except SettingsError as error:  # a list or a mapping that is not JSON
        found = {"settings": str(error)}
    structlog.get_logger(__name__).critical("invalid configuration", problems=found)
    sys.exit(os.EX_CONFIG)
