"""The template that this launcher belongs to: the clone or the address that it was installed from."""

import json
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from copier.errors import UserMessageError

DISTRIBUTION = "slipway-launcher"
# Addresses that copier recognises as git without `git+` in front of them:
# https://copier.readthedocs.io/en/stable/generating/#templates-versions
KNOWN = ("git@", "git://", "git+", "https://github.com/", "https://gitlab.com/")


@dataclass(frozen=True)
class Template:
    """The template: a path or a URL as copier reads it, and the requested version, if any."""

    address: str
    version: str | None = None


def own() -> Template:
    """Return the template that came with this launcher.

    Installers record where a package came from:
    https://packaging.python.org/en/latest/specifications/direct-url/
    """
    try:
        written = metadata.distribution(DISTRIBUTION).read_text("direct_url.json")
    except metadata.PackageNotFoundError:
        written = None
    if not written:
        raise UserMessageError(
            "This launcher does not know its template. Start it with `uvx --from git+ADDRESS slipway`, "
            "or with `uvx --from . slipway` in a clone."
        )
    return template(json.loads(written))


def template(direct_url: dict[str, object]) -> Template:
    """Return the template that a direct_url.json names."""
    url, vcs = str(direct_url["url"]), direct_url.get("vcs_info")
    if isinstance(vcs, dict):
        address = url if url.startswith(KNOWN) or url.endswith(".git") else f"git+{url}"
        return Template(address, vcs.get("requested_revision"))
    clone = Path(url2pathname(urlsplit(url).path))
    for name in (".git", "copier.yml"):
        if not (clone / name).exists():
            raise UserMessageError(f"{clone} is not a clone of the template: it has no {name}.")
    return Template(str(clone))
