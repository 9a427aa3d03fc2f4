"""URLs of backing services, as platforms write them."""

from typing import Annotated

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict
from pydantic import AfterValidator, SecretStr


def _postgres(url: SecretStr) -> SecretStr:
    wrong = ValueError("should be a URL such as postgres://user:password@host:5432/name")
    try:
        ports = str(conninfo_to_dict(url.get_secret_value()).get("port") or "5432")
    except ProgrammingError:
        raise wrong from None  # its own text may quote the URL
    named = url.get_secret_value().startswith(("postgres://", "postgresql://"))
    if named and all(port.isdecimal() for port in ports.split(",")):
        return url
    raise wrong


PostgresUrl = Annotated[SecretStr, AfterValidator(_postgres)]
