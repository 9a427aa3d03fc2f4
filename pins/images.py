"""Ask registries for the digests of images, as Docker does: `python pins/images.py python:3.13-slim`.

https://distribution.github.io/distribution/spec/api/ describes the request, and how to get the token that
even a public image needs.
"""

import json
import re
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable, Mapping
from http.client import HTTPMessage

REGISTRY, LIBRARY = "registry-1.docker.io", "library/"  # the defaults, if an image's name has neither
# An index lists the image for each processor architecture, so its digest is right for all of them.
ACCEPTED = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
SECONDS = 20


def digest(image: str) -> str:
    """Return the digest of an image's index. Raises OSError, or ValueError if the registry gives none."""
    host, _, rest = image.partition("/")
    if not re.search("[.:]", host) or not rest:
        host, rest = REGISTRY, image if rest else LIBRARY + image
    name, _, tag = rest.rpartition(":")
    scheme = "http" if host.startswith("localhost:") else "https"  # as Docker does
    url = f"{scheme}://{host}/v2/{name}/manifests/{tag}"
    headers = {"Accept": ", ".join(ACCEPTED)}
    try:
        answer = head(url, headers)
    except urllib.error.HTTPError as error:
        if error.code != 401:
            raise
        headers["Authorization"] = f"Bearer {token(error.headers['WWW-Authenticate'])}"
        answer = head(url, headers)
    found = answer.get("Docker-Content-Digest", "")
    if answer.get_content_type() not in ACCEPTED or not re.fullmatch("sha256:[0-9a-f]{64}", found):
        raise ValueError(f"{host} names no digest of an index")
    return found


def head(url: str, headers: Mapping[str, str]) -> HTTPMessage:
    """Return the headers of a response. Raises OSError."""
    request = urllib.request.Request(url, headers=dict(headers), method="HEAD")  # noqa: S310
    with urllib.request.urlopen(request, timeout=SECONDS) as response:  # noqa: S310
        found: HTTPMessage = response.headers
        return found


def token(challenge: str) -> str:
    """Return the token that a registry's challenge asks for. Raises OSError or ValueError."""
    asked = dict(re.findall(r'(\w+)="([^"]*)"', challenge or ""))
    realm = asked.pop("realm", "")
    if not realm:
        raise ValueError("the registry does not say where a token is got")
    with urllib.request.urlopen(f"{realm}?{urllib.parse.urlencode(asked)}", timeout=SECONDS) as response:  # noqa: S310
        found: str = json.load(response)["token"]
        return found


def digests(images: Iterable[str], former: Mapping[str, str | None]) -> dict[str, str | None]:
    """Return the digest of each image. If its registry gives none, keep the former one, and say so."""
    found: dict[str, str | None] = {}
    for image in images:
        try:
            found[image] = digest(image)
        except (OSError, ValueError) as error:
            found[image] = former.get(image)
            print(f"{image}: {found[image] or 'no digest'} as before ({error})", file=sys.stderr)
    return found


if __name__ == "__main__":
    for image, found in digests(sys.argv[1:], {}).items():
        print(image, found)
