"""Maintained by `copier update`. The socket that `web` listens on."""

import socket

import structlog

from .drain import end

log = structlog.get_logger(__name__)

KEEP_ALIVE_SECONDS = 95  # routers reuse a connection for 90 s, and they should close it first


def bind(host: str, port: int) -> socket.socket:
    """Bind, but do not listen: connections are refused until the application has started.

    If that is impossible, log the reason and end the process with status 1.
    """
    try:
        return _bind(host, port)
    except (OSError, UnicodeError) as error:  # the latter for a name that is too long for DNS
        reason = getattr(error, "strerror", None) or str(error)
        log.critical("cannot start", reason=reason, host=host, port=port)
        end(1)


def _bind(host: str, port: int) -> socket.socket:
    family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    if host == "::" and not socket.has_dualstack_ipv6():
        family, address = socket.AF_INET, ("", port)
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:  # asyncio would make `::` IPv6 only
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, host != "::")
    listener.bind(address)
    return listener
