"""Maintained by `copier update`. Reads settings from environment variables.

Lists may be written with commas. An error names the variable, and never shows its value.
"""

import ipaddress
import re
import socket
from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, AliasChoices, AliasPath, TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource

type Schema = dict[str, Any]

ORIGIN = re.compile(r"\*|[a-z][a-z0-9+.-]*://(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?")
NAME = re.compile(r"[\w.-]+")


def _origin(text: str) -> str:
    origin = text.lower()
    for scheme, port in (("http", ":80"), ("https", ":443")):  # browsers leave these out
        if origin.startswith(f"{scheme}://"):
            origin = origin.removesuffix(port)
    found = ORIGIN.fullmatch(origin)
    if not found or not 0 < int(found[1] or 1) < 65536:
        raise ValueError(
            "should be an origin such as https://app.example.com:8443, without a path, or *"
        )
    return origin


def _host(text: str) -> str:
    host = text.strip()
    try:
        if ":" in host:
            ipaddress.IPv6Address(host)
        elif not NAME.fullmatch(host):
            raise ValueError
        elif host.rpartition(".")[2].isdecimal():  # an address, because no domain is a number
            socket.inet_aton(host)
    except (OSError, ValueError):
        raise ValueError("should be a host name or an IP such as ::, without brackets") from None
    return host


def _proxies(text: str) -> str:
    proxies = [each for each in map(str.strip, text.split(",")) if each]
    try:
        for each in [] if proxies == ["*"] else proxies:
            (ipaddress.ip_network if "/" in each else ipaddress.ip_address)(each)
    except ValueError:  # uvicorn would take it for a name, which no client has
        raise ValueError(
            "should be IPs or networks such as 10.0.0.0/8, whose host bits are 0, or only *"
        ) from None
    return ",".join(proxies)


type Origin = Annotated[str, AfterValidator(_origin)]
type Host = Annotated[str, AfterValidator(_host)]
type Proxies = Annotated[str, AfterValidator(_proxies)]


class Environment(EnvSettingsSource):
    """The environment, with lists as JSON or with commas.

    A value that is neither stays as it is. Validation then reports it with all other problems;
    pydantic-settings would stop at the first.
    """

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        """Return the value of a variable for a list, a mapping or a model."""
        try:
            decoded = super().decode_complex_value(field_name, field, value)
        except ValueError:
            decoded = value
            if value.lstrip().startswith(("[", "{")):  # meant as JSON
                return value
        else:
            if decoded is value or isinstance(decoded, list | dict):  # NoDecode, or JSON
                return decoded
        kinds = _kinds(_schema(field))
        if "array" in kinds <= {"array", "null"}:
            return [item for item in map(str.strip, value.split(",")) if item]
        return decoded


def problems(settings: type[BaseSettings], error: ValidationError) -> dict[str, str]:
    """Name each offending variable and say what it should be."""
    found: dict[str, list[str]] = {}
    present = Environment(settings).env_vars  # names in lower case; empty variables are left out
    delimiter = settings.model_config.get("env_nested_delimiter") or ""
    for detail in error.errors(include_url=False):
        name, *path = detail["loc"] or ("settings",)
        variable, field = _variable(settings, str(name), present)
        nested = delimiter.join([variable, *map(str, path)])
        if delimiter and nested.lower() in present:  # SMTP__PORT, if "__" is the delimiter
            variable, path = nested.upper(), []
        found.setdefault(variable, []).append(_problem(detail, path, _schema(field)))
    return {variable: "; ".join(dict.fromkeys(texts)) for variable, texts in found.items()}


def _problem(detail: Mapping[str, Any], path: Sequence[str | int], schema: Schema) -> str:
    kinds, value = _kinds(schema), detail["input"]
    if not path and isinstance(value, str) and detail["type"] != "value_error":
        if "array" in kinds <= {"array", "null"}:
            return 'Input should be a list, such as a,b or ["a", "b"]'
        if "object" in kinds <= {"object", "null"}:
            [of_object] = [each for each in _options(schema) if _kind(each) == "object"][:1]
            known = ", ".join(f'"{name}": …' for name in of_object.get("properties", ["name"]))
            return "Input should be JSON, such as {" + known + "}"
    # A key of a mapping is input too, and may be a secret, so only declared names are shown.
    declared = set(_declared(schema))
    parts = [
        f"item {part + 1}" if isinstance(part, int) else part
        for part in path
        if isinstance(part, int) or part in declared
    ]
    text = detail["msg"]
    for given in _texts(value):
        if len(given) >= 8:  # a validator may quote it
            text = text.replace(given, "…")
    return ": ".join([*parts, text])


def _variable(
    settings: type[BaseSettings], key: str, present: Container[str]
) -> tuple[str, FieldInfo | None]:
    """Find the field of a name or an alias, and which of its variables is set."""
    for name, field in settings.model_fields.items():
        alias = field.validation_alias or name
        choices = alias.choices if isinstance(alias, AliasChoices) else [alias]
        names = [str(it.path[0]) if isinstance(it, AliasPath) else it for it in choices]
        if key == name or key in names:
            return next((it for it in names if it.lower() in present), names[0]).upper(), field
    return key, None


def _schema(field: FieldInfo | None) -> Schema:
    """Describe the type of a field as JSON Schema does."""
    annotation: Any = field.annotation if field else None
    try:
        return TypeAdapter(annotation).json_schema()
    except PydanticUserError:  # JSON Schema has none for this type
        return {}


def _texts(value: Any) -> Iterator[str]:
    """Yield the texts in a value, at any depth."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from _texts(list(value.values()))
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _texts(part)


def _kinds(schema: Schema) -> set[str]:
    """Return the JSON types of a schema: "array" for lists, sets and tuples."""
    return {_kind(option) for option in _options(schema)}


def _kind(schema: Schema) -> str:
    return str(schema.get("type", ""))


def _options(schema: Schema) -> list[Schema]:
    """Return the schemas of a union, or the only one, without references."""

    def target(of: Schema) -> Schema:
        found: Schema = schema.get("$defs", {}).get(of.get("$ref", "").rpartition("/")[2], of)
        return found

    found = target(schema)
    return [target(each) for each in found.get("anyOf") or found.get("oneOf") or [found]]


def _declared(schema: Any) -> Iterator[str]:
    """Yield the names of the fields in a schema, at any depth."""
    if isinstance(schema, dict):
        yield from schema.get("properties", ())
        for part in schema.values():
            yield from _declared(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from _declared(part)
