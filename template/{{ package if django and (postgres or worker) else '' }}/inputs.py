"""Validates what clients send, with pydantic. A 422 says what is wrong."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.deprecation import MiddlewareMixin
from pydantic import BaseModel, ValidationError

from .runtime import problems


class InputError(Exception):
    """What a client sent is invalid. Ends the request, and rolls back its transaction."""

    def __init__(self, error: ValidationError) -> None:
        # The input is not repeated: it may be a secret, or no Unicode at all.
        self.found: Any = error.errors(
            include_input=False, include_url=False, include_context=False
        )


def body[M: BaseModel](request: HttpRequest, model: type[M]) -> M:
    """Read the JSON document in the body of a request."""
    try:
        return model.model_validate_json(request.body)
    except ValidationError as error:
        raise InputError(error) from None


def query[M: BaseModel](request: HttpRequest, model: type[M]) -> M:
    """Read the query string of a request."""
    try:
        return model.model_validate(request.GET.dict())
    except ValidationError as error:
        raise InputError(error) from None


class InputErrors(MiddlewareMixin):
    """Answers an InputError with a 422."""

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, InputError):
            return problems.response(422, errors=exception.found)
        return None
