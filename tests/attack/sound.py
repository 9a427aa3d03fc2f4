"""Requests that every server takes."""

HOST = b"Host: localhost\r\n"
WEBSOCKET = (
    b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


def get(target: bytes, *headers: bytes) -> bytes:
    """Return a GET request."""
    return b"GET " + target + b" HTTP/1.1\r\n" + HOST + b"".join(headers) + b"\r\n"


def post(*headers: bytes, body: bytes, target: bytes = b"/echo") -> bytes:
    """Return a POST request that says how long its body is."""
    length = b"Content-Length: %d\r\n" % len(body)
    return b"POST " + target + b" HTTP/1.1\r\n" + HOST + b"".join(headers) + length + b"\r\n" + body


def chunked(*chunks: bytes, trailers: bytes = b"", target: bytes = b"/echo") -> bytes:
    """Return a POST request whose body comes in chunks."""
    head = b"POST " + target + b" HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n"
    parts = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    return head + parts + b"0\r\n" + trailers + b"\r\n"


def requests() -> list[bytes]:
    """Return one of each kind."""
    json = b"Content-Type: application/json\r\n"
    return [
        get(b"/"),
        get(b"/notes?limit=5&after=0", b"Accept: */*\r\n", b"X-Request-ID: abc\r\n"),
        get(b"/notes/1"),
        post(json, body=b'{"text": "one two"}', target=b"/notes"),
        post(json, body=b'{"count": 1}', target=b"/orders"),
        post(body=b"hello"),
        chunked(b"hello", b"world", trailers=b"X-Trailer: a\r\n"),
        b"HEAD /livez HTTP/1.1\r\n" + HOST + b"\r\n",
        b"OPTIONS /notes HTTP/1.1\r\n" + HOST + b"Origin: http://a.example\r\n\r\n",
    ]
