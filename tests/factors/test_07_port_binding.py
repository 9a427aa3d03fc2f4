"""VII. Port binding: HTTP on $PORT, with nothing in front (C-6, C-10) but perhaps a proxy (C-14)."""

import json

import pytest

from tests.conftest import Start
from tests.support.client import Connection, WebSocket, reserved_port, status, wait_for_port
from tests.support.isolation import WITHOUT_IPV6, needs
from tests.support.service import Service


def test_it_listens_on_port(start: Start) -> None:
    """C-6, C-10."""
    with reserved_port() as port:
        service = start(PORT=str(port))
        wait_for_port(port)
        assert service.port == port
        assert status(port, "/") == 200


@pytest.mark.parametrize("workers", ["1", "2"])
def test_ipv4_and_ipv6_on_one_port(start: Start, workers: str) -> None:
    """C-6: HOST is `::` by default, which means both."""
    service = start(WEB_CONCURRENCY=workers)
    assert Connection(service.port, "127.0.0.1").get("/")[0].status == 200
    assert Connection(service.port, "::1").get("/")[0].status == 200


def test_ipv4_alone_where_there_is_no_ipv6(start: Start) -> None:
    """C-6: `::` is then every interface of IPv4."""
    needs(WITHOUT_IPV6)
    service = start(isolation=WITHOUT_IPV6)
    assert status(service.port, "/") == 200


@pytest.mark.parametrize(("host", "other"), [("127.0.0.1", "::1"), ("::1", "127.0.0.1")])
def test_host_narrows_it(start: Start, host: str, other: str) -> None:
    """C-6."""
    service = start(HOST=host)
    assert Connection(service.port, host).get("/")[0].status == 200
    with pytest.raises(ConnectionRefusedError):
        Connection(service.port, other)


@pytest.mark.long
def test_idle_connections_are_held_for_longer_than_routers_hold_theirs(start: Start) -> None:
    """C-10: after 91 idle seconds a connection still serves; routers close theirs after 90."""
    service = start()
    connection = Connection(service.port)
    connection.get("/")
    assert not connection.is_closed_within(91)
    assert connection.get("/")[0].status == 200


def whoami(service: Service, host: str = "127.0.0.1", **headers: str) -> tuple[str, str, str]:
    """Ask the service whom it sees, how, and where it thinks that it is; and what it logs of that."""
    response, body = Connection(service.port, host).get("/whoami", **headers)
    assert response.status == 200
    answer = json.loads(body)
    request_id = response.headers["x-request-id"]
    assert service.wait_event("request", request_id=request_id)["client"] == answer["client"]
    return answer["scheme"], answer["client"], answer["url"].partition(":")[0]


BY_PROXY = {"X_Forwarded_For": "198.51.100.9, 203.0.113.7", "X_Forwarded_Proto": "https"}


@pytest.mark.parametrize("allowed", ["127.0.0.1,::1", "127.0.0.0/8,::/64", "*"])
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_proxy_that_is_allowed_is_believed(start: Start, allowed: str, host: str) -> None:
    """C-14: scheme and client; an IPv4 proxy too, which the socket for both families sees as IPv6."""
    service = start(FORWARDED_ALLOW_IPS=allowed)
    scheme, client, url = whoami(service, host, **BY_PROXY)
    assert (scheme, url) == ("https", "https")
    # What the client wrote itself stands first: only the nearest address that is not allowed is known.
    assert client == ("198.51.100.9" if allowed == "*" else "203.0.113.7")


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_proxy_that_is_not_allowed_is_not_believed(start: Start, host: str) -> None:
    """C-14."""
    service = start(FORWARDED_ALLOW_IPS="192.0.2.1")
    assert whoami(service, host, **BY_PROXY) == ("http", host, "http")


def test_without_a_proxy_the_peer_is_the_client(web: Service) -> None:
    """C-14: by its IPv4 address, where it has one."""
    assert whoami(web, "127.0.0.1") == ("http", "127.0.0.1", "http")
    assert whoami(web, "::1") == ("http", "::1", "http")


def test_https_only_redirects_pages_and_refuses_the_rest(start: Start) -> None:
    """C-14: plain HTTP, with path and query kept; but not the health endpoints."""
    service = start(HTTPS_ONLY="true")
    response, body = Connection(service.port).get("/whoami")
    assert (response.status, json.loads(body)["status"]) == (403, 403)
    page = {"Host": "orders.example.com", "Accept": "text/html,*/*"}
    response, _ = Connection(service.port).get("/whoami?a=b%20c", **page)
    assert response.status in (307, 308)
    assert response.headers["location"] == "https://orders.example.com/whoami?a=b%20c"
    assert "strict-transport-security" not in response.headers, "RFC 6797: never over plain HTTP"
    assert status(service.port, "/livez") == status(service.port, "/readyz") == 200


@pytest.mark.parametrize("several", ["https,http", "https, https", "HTTPS", "Https, HTTP"])
def test_the_scheme_is_what_the_client_used(start: Start, several: str) -> None:
    """C-14: where two proxies tell theirs, or one in upper case; no redirect leads to where it comes from."""
    service = start(HTTPS_ONLY="true")
    response, body = Connection(service.port).get("/whoami", X_Forwarded_Proto=several)
    assert (response.status, json.loads(body)["scheme"]) == (200, "https")


def test_https_only_sends_hsts(start: Start) -> None:
    """C-14: over HTTPS, as the proxy tells."""
    service = start(HTTPS_ONLY="true")
    response, _ = Connection(service.port).get("/whoami", **BY_PROXY)
    assert response.status == 200
    assert response.headers["strict-transport-security"] == "max-age=31536000"


def test_hsts_for_subdomains(start: Start) -> None:
    """C-14: only if HSTS_SUBDOMAINS says so, since others may serve them."""
    service = start(HTTPS_ONLY="true", HSTS_SUBDOMAINS="true")
    response, _ = Connection(service.port).get("/whoami", **BY_PROXY)
    assert response.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"


@pytest.mark.asgi
def test_https_only_refuses_plain_websockets(start: Start) -> None:
    """C-14: the proxy says which are not plain."""
    service = start(HTTPS_ONLY="true")
    assert WebSocket(service.port, "/ws").status == 403
    assert WebSocket(service.port, "/ws", sent="X-Forwarded-Proto: https\r\n").status == 101


def test_plain_http_is_served_by_default(web: Service) -> None:
    """C-14."""
    for headers in ({}, BY_PROXY):
        response, _ = Connection(web.port).get("/", **headers)
        assert response.status == 200
        assert "strict-transport-security" not in response.headers


@pytest.mark.parametrize("path", ["/", "/livez", "/boom", "/nowhere", "/teapot"])
def test_responses_carry_the_security_headers(web: Service, path: str) -> None:
    """C-14: errors too."""
    headers = Connection(web.port).get(path)[0].headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] in ("DENY", "SAMEORIGIN")
    assert headers["referrer-policy"]
    assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert headers["server"] is None
