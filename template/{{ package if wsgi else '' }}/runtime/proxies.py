"""Who asks, and how, where a proxy stands in between: X-Forwarded-For and X-Forwarded-Proto."""

from ipaddress import ip_address, ip_network
from typing import Any


class Proxies:
    """Those of FORWARDED_ALLOW_IPS: addresses and networks, with commas; `*` is all."""

    def __init__(self, allowed: str) -> None:
        self.all = allowed.strip() == "*"
        self.names, self.networks = set(), []
        for one in map(str.strip, allowed.split(",")):
            try:
                self.networks.append(ip_network(one))
            except ValueError:
                self.names.add(one)

    def __contains__(self, host: str) -> bool:
        if self.all:
            return True
        try:
            address = ip_address(host)
        except ValueError:
            return host in self.names
        return any(address in network for network in self.networks)

    def believe(self, environ: dict[str, Any]) -> None:
        """Write the client's own address and scheme into `environ`, if a proxy that is allowed
        tells them."""
        # IPv4 clients of an IPv6 socket, as FORWARDED_ALLOW_IPS writes them
        peer = environ["REMOTE_ADDR"] = environ.get("REMOTE_ADDR", "").removeprefix("::ffff:")
        if peer not in self:
            return
        scheme = environ.get("HTTP_X_FORWARDED_PROTO", "").strip()
        if scheme in ("http", "https"):
            environ["wsgi.url_scheme"] = scheme
        hosts = [
            _without_port(host.strip())
            for host in environ.get("HTTP_X_FORWARDED_FOR", "").split(",")
        ]
        # Each proxy appends whom it has seen: the client is the last who is no proxy of ours.
        last = next((host for host in reversed(hosts) if host not in self), hosts[0])
        environ["REMOTE_ADDR"] = last or peer


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0] if host.count(":") == 1 else host
