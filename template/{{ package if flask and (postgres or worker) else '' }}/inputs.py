"""What clients send, checked by pydantic; 422 says what is wrong with it."""

from typing import NoReturn

from flask import abort, make_response, request
from pydantic import BaseModel, ValidationError


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
    abort(make_response({"detail": found}, 422))
