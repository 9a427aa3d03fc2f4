"""Maintained by `copier update`. The WSGI environ of an ASGI request (PEP 3333)."""

import io
import sys
import tempfile
from typing import IO, Any
from urllib.parse import unquote, unquote_to_bytes

from .asgi import Receive
from .limits import REFUSAL

type Environ = dict[str, Any]

MEMORY_BYTES = 1_048_576
"""A longer body goes to a temporary file, if one can be made."""


async def read_body(receive: Receive) -> IO[bytes] | None:
    """Return the whole body, or None if the client leaves before its end."""
    message = await receive()
    body: IO[bytes] = io.BytesIO(message.get("body", b""))
    body.seek(0, io.SEEK_END)
    in_memory = True
    while message.get("more_body"):
        message = await receive()
        body.write(message.get("body", b""))
        if in_memory and body.tell() > MEMORY_BYTES:
            in_memory, body = False, _to_file(body)
    body.seek(0)
    return body if message["type"] == "http.request" else None


def _to_file(body: IO[bytes]) -> IO[bytes]:
    try:
        file = tempfile.TemporaryFile()  # noqa: SIM115  # it is closed when its request ends
    except OSError:  # the file system is read-only; MAX_BODY_BYTES bounds what stays in memory
        return body
    body.seek(0)
    file.write(body.read())
    return file


def make_environ(scope: Any, body: IO[bytes]) -> Environ:
    """Return the environ that a WSGI application gets for a request."""
    path = _path(scope)
    root = scope.get("root_path", "").encode().decode("latin-1")
    host, port = scope.get("server") or ("localhost", None)
    client, client_port = scope.get("client") or ("", "")
    environ = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": root,
        "PATH_INFO": path.removeprefix(root),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_NAME": host,
        "SERVER_PORT": str(port or (443 if scope["scheme"] == "https" else 80)),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "REMOTE_ADDR": client,
        "REMOTE_PORT": str(client_port),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.input": body,
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    if REFUSAL in scope:
        environ[REFUSAL] = scope[REFUSAL]
    has_body = False
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        if name in ("content-length", "transfer-encoding"):
            has_body = True
        elif name == "content-type":
            environ["CONTENT_TYPE"] = value
        elif "_" not in name:  # X_Forwarded_For would look like X-Forwarded-For
            key = f"HTTP_{name.upper().replace('-', '_')}"
            if known := environ.get(key):
                value = f"{known}{'; ' if name == 'cookie' else ','}{value}"
            environ[key] = value
    if has_body:
        environ["CONTENT_LENGTH"] = str(body.seek(0, io.SEEK_END))
        body.seek(0)
    return environ


def refusal(environ: Environ) -> int:
    """Return the status that `BodyLimit` refuses this request's body with, or 0."""
    status: int = environ.get(REFUSAL, 0)
    return status


def _path(scope: Any) -> str:
    """Return the path as WSGI encodes it, including bytes that are not UTF-8."""
    raw, path = scope.get("raw_path") or b"", scope["path"]
    if b"%" in raw and unquote(raw.decode("latin-1")) == path:  # no step has changed it
        return unquote_to_bytes(raw).decode("latin-1")
    return str(path.encode().decode("latin-1"))
