"""Validates what clients send, with pydantic. A 422 says what is wrong."""

from typing import NoReturn

from flask import abort, request
from pydantic import BaseModel, ValidationError

from .runtime import problems


def body[M: BaseModel](model: type[M]) -> M:
    """Read the JSON document in the body of this request."""
    try:
        return model.model_validate_json(request.get_data())
    except ValidationError as error:
        refuse(error)


def query[M: BaseModel](model: type[M]) -> M:
    """Read the query string of this request."""
    try:
        return model.model_validate(request.args.to_dict())
    except ValidationError as error:
        refuse(error)


def refuse(error: ValidationError) -> NoReturn:
    """End the request. Its input is not repeated: it may be a secret, or no Unicode at all."""
    found = error.errors(include_input=False, include_url=False, include_context=False)
    abort(problems.response(422, errors=found))
