"""IV. Backing services: the addresses of Redis (C-7, C-8)."""

import json
from pathlib import Path

import pytest
import trustme

from extensions.options import ON_REDIS
from tests.conftest import Render
from tests.factors.conftest import Jobs
from tests.support import redis, variants
from tests.support.project import Project

QUEUED = [row for queue in ON_REDIS for row in variants.bootable(queue=queue)]


@pytest.fixture(scope="module", params=QUEUED, ids=variants.label)
def project(request: pytest.FixtureRequest, render: Render) -> Project:
    """Return a service with each queue in Redis. It is not to be changed."""
    return Project(render(request.param))


def test_a_certificate_is_verified_unless_the_settings_say_otherwise(
    jobs: Jobs, server: redis.Server, tmp_path: Path
) -> None:
    """C-8: Heroku's certificates are self-signed."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    with redis.tls(server, authority) as url:
        distrusted = jobs.run("check", REDIS_URL=url)
        assert distrusted.returncode == 1
        assert json.loads(distrusted.stdout.splitlines()[-1])["service"] == "redis"
        assert jobs.run("check", REDIS_URL=url, REDIS_TLS_VERIFY="false").returncode == 0
        assert jobs.run("check", REDIS_URL=url, SSL_CERT_FILE=str(tmp_path / "authority.pem")).returncode == 0


def test_what_is_no_url_of_redis(jobs: Jobs) -> None:
    """C-7: a database or a parameter that cannot be is told at once, with what would be right."""
    for url in (
        "redis://nowhere.invalid/zero",
        "redis://nowhere.invalid?swordfish=1",
        "redis://h?socket_timeout=swordfish",
    ):
        done = jobs.run("worker", REDIS_URL=url)
        assert done.returncode == 78, url
        assert "redis://user:password@host:6379/0" in json.loads(done.stdout)["problems"]["REDIS_URL"]
        assert "swordfish" not in done.stdout
