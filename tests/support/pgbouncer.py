"""A real PgBouncer in transaction mode, if the machine has one."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from .client import reserved_port, wait_for_port
from .postgres import Server

PROGRAM = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
CONFIGURATION = """
[databases]
* = host=127.0.0.1 port={server} user=postgres

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
auth_type = any
pool_mode = transaction
default_pool_size = {size}
logfile = {folder}/log
"""


@contextmanager
def running(server: Server, size: int) -> Iterator[int]:
    """Run PgBouncer in front of this server, with `size` connections per database, and yield its port."""
    if not PROGRAM:
        pytest.skip("no pgbouncer on this machine")
    folder = Path(tempfile.mkdtemp(prefix="slipway-"))
    folder.chmod(0o777)  # PgBouncer refuses to run as root
    with reserved_port() as port:
        file = folder / "pgbouncer.ini"
        file.write_text(CONFIGURATION.format(server=server.port, port=port, size=size, folder=folder))
        as_nobody = ("-u", "nobody") if os.geteuid() == 0 else ()
        process = subprocess.Popen([PROGRAM, "-q", *as_nobody, str(file)], stderr=subprocess.DEVNULL)
        try:
            wait_for_port(port)
            yield port
        finally:
            process.kill()
            process.wait()
            shutil.rmtree(folder)
