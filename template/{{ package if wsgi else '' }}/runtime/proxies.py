"""Slipway's: kept current by `copier update`. The proxies whose X-Forwarded-* count."""

from ipaddress import ip_address, ip_network


class Proxies:
    """Addresses and networks, with commas; `*` is all."""

    def __init__(self, trusted: str) -> None:
        self.all = trusted.strip() == "*"
        self.names, self.networks = set(), []
        for one in map(str.strip, trusted.split(",")):
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

    def client(self, forwarded_for: str) -> str:
        """Return the last address that is no proxy of ours: each proxy appends its own client."""
        hosts = [_without_port(host.strip()) for host in forwarded_for.split(",")]
        return next((host for host in reversed(hosts) if host not in self), hosts[0])


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0] if host.count(":") == 1 else host
