"""What came back over a connection, taken apart as strictly as a proxy would."""

from dataclasses import dataclass

NO_BODY = (204, 304)


class MalformedError(Exception):
    """What came back is no series of whole HTTP responses."""


@dataclass(frozen=True)
class Answer:
    """One response."""

    status: int
    headers: dict[str, str]
    body: bytes


def parse(received: bytes, *, may_lack_bodies: bool) -> list[Answer]:
    """Return the final responses, in order; `may_lack_bodies` says that HEAD was asked."""
    found: list[Answer] = []
    while received:
        head, end, rest = received.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        version, _, status = first.partition(" ")
        if not end or version != "HTTP/1.1" or not status[:3].isdigit():
            raise MalformedError(f"no head: {received[:80]!r}")
        code = int(status[:3])
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        if code == 101:
            return [*found, Answer(code, headers, rest)]
        if 100 <= code < 200:
            received = rest
            continue
        lacks = may_lack_bodies and (not rest or rest.startswith(b"HTTP/1.1 "))
        body, received = (b"", rest) if code in NO_BODY or lacks else _body(headers, rest)
        found.append(Answer(code, headers, body))
    return found


def _body(headers: dict[str, str], rest: bytes) -> tuple[bytes, bytes]:
    """Return the body and what follows it."""
    if headers.get("transfer-encoding") == "chunked":
        body = b""
        while True:
            size, end, rest = rest.partition(b"\r\n")
            if not end or len(rest) < int(size, 16) + 2:
                raise MalformedError("its chunks have no end")
            if not int(size, 16):
                return body, rest[2:]
            body, rest = body + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
    if "content-length" not in headers:
        return rest, b""
    length = int(headers["content-length"])
    if len(rest) < length:
        raise MalformedError("its body is cut")
    return rest[:length], rest[length:]
