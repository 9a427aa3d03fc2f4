"""Messages about whose end two servers may disagree: what smuggles a request past the first of them."""

from collections.abc import Iterator

from . import sound

SMUGGLED = sound.get(b"/smuggled")
"""No such route: its access event says that it was taken for a request."""
HEAD = b"POST /echo HTTP/1.1\r\n" + sound.HOST
LENGTHS = (
    b"+5",
    b"-5",
    b"-1",
    b"0x5",
    b"5.0",
    b"5e0",
    b"5 5",
    b"5,5",
    b"5, 6",
    b"5;",
    b"five",
    b"\xd9\xa5",  # an Arabic digit
    b"5\x00",
    b"\x0b5",
    b"99999999999999999999",
    b"18446744073709551621",  # 5, if 64 bits overflow
    b"4294967301",  # 5, if 32 do
)
ENCODINGS = (
    b"Transfer-Encoding: chunked\r\n",
    b"Transfer-Encoding:\tchunked\r\n",
    b"Transfer-Encoding : chunked\r\n",
    b"Transfer-Encoding: xchunked\r\n",
    b"Transfer-Encoding: chunkedx\r\n",
    b"Transfer-Encoding: CHUNKED\r\n",
    b'Transfer-Encoding: "chunked"\r\n',
    b"Transfer-Encoding: chunked, identity\r\n",
    b"Transfer-Encoding: identity, chunked\r\n",
    b"Transfer-Encoding: identity\r\n",
    b"Transfer-Encoding: gzip\r\n",
    b"Transfer-Encoding: gzip, chunked\r\n",
    b"Transfer-Encoding: chunked, chunked\r\n",
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
    b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n",
    b"Transfer-Encoding: chunked;a=b\r\n",
    b"Transfer-Encoding: \x0bchunked\r\n",
    b"Transfer-Encoding: chunked\x00\r\n",
    b"Transfer-Encoding:\r\n chunked\r\n",
    b"Transfer-Encoding\r\n: chunked\r\n",
    b"Transfer-\xc3\x8bncoding: chunked\r\n",
    b"X: y\nTransfer-Encoding: chunked\r\n",
    b"X: y\rTransfer-Encoding: chunked\r\n",
    b" Transfer-Encoding: chunked\r\n",
    b"Transfer_Encoding: chunked\r\n",
    b"Transfer-Encoding:\r\n",
    b"Transfer-Encoding: ,\r\n",
)
SIZES = (
    b"+5",
    b"-5",
    b"0x5",
    b" 5",
    b"5 ",
    b"5_",
    b"",
    b"five",
    b"\xd9\xa5",
    b"5\x00",
    b"FFFFFFFFFFFFFFFFF",
    b"10000000000000005",
    b"100000005",
    b"00000000000000000000000000005x",
)


def ambiguous() -> Iterator[bytes]:
    """Yield messages that have at most one reading which is safe, in which SMUGGLED is no request."""
    for length in LENGTHS:
        yield HEAD + b"Content-Length: " + length + b"\r\n\r\nhello" + SMUGGLED
    hidden = b"0\r\n\r\n" + SMUGGLED
    covers = b"Content-Length: %d\r\n" % len(hidden)
    for encoding in ENCODINGS:
        for headers in (covers + encoding, encoding + covers):
            yield HEAD + headers + b"\r\n" + hidden
    for encoding in ENCODINGS[:3]:  # the end of the body is before, in, and after the chunk
        inside = b"%x\r\n%s\r\n0\r\n\r\n" % (len(SMUGGLED), SMUGGLED)
        yield HEAD + b"Content-Length: 4\r\n" + encoding + b"\r\n" + inside
        yield HEAD + b"Content-Length: 0\r\n" + encoding + b"\r\n" + inside
    for first, second in ((b"5", b"6"), (b"0", b"5"), (b"5", b"0"), (b"5", b"5x")):
        both = b"Content-Length: " + first + b"\r\nContent-Length: " + second + b"\r\n"
        yield HEAD + both + b"\r\nhello" + SMUGGLED
    for before in (b"GET", b"HEAD", b"DELETE", b"OPTIONS", b"TRACE"):
        length = b"Content-Length: %d\r\n" % len(SMUGGLED)
        yield before + b" / HTTP/1.1\r\n" + sound.HOST + length + b"\r\n" + SMUGGLED
    yield b"POST /echo HTTP/1.0\r\n" + sound.HOST + ENCODINGS[0] + b"\r\n" + hidden
    yield b"GET / HTTP/1.1\r\n" + sound.HOST + b"Connection: close\r\n\r\n" + SMUGGLED
    yield b"GET / HTTP/1.0\r\n" + sound.HOST + b"\r\n" + SMUGGLED
    yield HEAD + b"Expect: 100-continue\r\n" + covers + b"\r\n" + hidden
    yield HEAD + b"X: " + b"a" * 65_400 + b"\r\n" + covers + ENCODINGS[3] + b"\r\n" + hidden


def chunked_badly() -> Iterator[bytes]:
    """Yield bodies that are broken; what comes after them is never a request."""
    head = HEAD + ENCODINGS[0] + b"\r\n"
    for size in SIZES:
        yield head + size + b"\r\nhello\r\n0\r\n\r\n" + SMUGGLED
    yield head + b"5\nhello\n0\n\n" + SMUGGLED
    yield head + b"5\rhello\r0\r\r" + SMUGGLED
    yield head + b"5\r\nhello0\r\n\r\n" + SMUGGLED
    yield head + b"5\r\nhelloXX0\r\n\r\n" + SMUGGLED
    yield head + b"5\r\nhello\r\n0\n\n" + SMUGGLED
    yield head + b"5\r\nhello\r\n0\r\n \r\n\r\n" + SMUGGLED
    yield head + b"5;a\nb\r\nhello\r\n0\r\n\r\n" + SMUGGLED
    yield head + b"0\r\n" + b"X-Trailer: a\r\n" * 7000 + b"\r\n" + SMUGGLED
    yield head + b"0\r\nX-Trailer: " + b"a" * 70_000 + b"\r\n\r\n" + SMUGGLED
    yield head + b"5;" + b"a" * 80_000 + b"\r\nhello\r\n0\r\n\r\n" + SMUGGLED


def chunked_well() -> Iterator[bytes]:
    """Yield bodies in odd chunks that are sound, with SMUGGLED in them."""
    yield sound.chunked(SMUGGLED)
    yield sound.chunked(*(bytes([byte]) for byte in SMUGGLED))
    yield sound.chunked(SMUGGLED, trailers=b"Content-Length: 3\r\nTransfer-Encoding: gzip\r\nHost: other\r\n")
    yield sound.chunked(b"0\r\n\r\n", SMUGGLED, trailers=b"X-Trailer: a\r\n")
    yield sound.chunked(b"x" * 100_000, SMUGGLED)
    yield HEAD + ENCODINGS[0] + b"\r\n" + b"%064x\r\n" % len(SMUGGLED) + SMUGGLED + b"\r\n0\r\n\r\n"
    yield HEAD + ENCODINGS[0] + b"\r\n" + b'5;a="b;c"\r\nhello\r\n0;last\r\n\r\n'


def pipelines() -> Iterator[tuple[bytes, int]]:
    """Yield several requests at once, and how many of them may be answered."""
    first = sound.get(b"/")
    head = b"HEAD / HTTP/1.1\r\n" + sound.HOST + b"\r\n"
    for count in (2, 33, 300):
        yield first * count, count
        yield sound.post(body=SMUGGLED) * count, count
        yield sound.chunked(SMUGGLED) * count, count
    yield first * 40 + b"\x00\r\n\r\n" + SMUGGLED, 41
    yield first + b"GET / HTTP/1.1\r\n" + sound.HOST + b"Connection: close\r\n\r\n" + SMUGGLED * 20, 2
    yield sound.post(body=b"x" * 1_100_000) + SMUGGLED, 1
    yield sound.post(b"Expect: 100-continue\r\n", body=b"hello") + first, 2
    yield head * 5, 5
