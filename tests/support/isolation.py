"""Ways to isolate a process: as process 1, without a network, without IPv6, or without any rights.

Each is a prefix for a command. If this machine does not permit one, `needs` skips the test.
"""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest


def _path(tool: str) -> str:
    """Return the path of a tool. The process has no PATH on which to find it."""
    return shutil.which(tool) or tool


AS_PROCESS_1 = ("unshare", "--pid", "--fork", "--mount-proc")

# A kernel without IPv6.
WITHOUT_IPV6 = ("unshare", "--fork", sys.executable, str(Path(__file__).with_name("without_ipv6.py")))

# A new network namespace with only a loopback interface (SIOCSIFFLAGS, IFF_UP).
_UP = (
    "import fcntl, os, socket, struct, sys;"
    "fcntl.ioctl(socket.socket(socket.AF_INET), 0x8914, struct.pack('16sh22x', b'lo', 1));"
    "os.execvp(sys.argv[1], sys.argv[1:])"
)
WITHOUT_NETWORK = ("unshare", "--net", "--fork", sys.executable, "-c", _UP)

# A read-only root file system, and a user who owns nothing but may read what the tests' own user may.
_CAPABILITIES = "-all,+dac_read_search"
OWNING_NOTHING = (
    *("unshare", "--mount", "--fork", _path("sh"), "-c"),
    *(f'{_path("mount")} -o remount,ro,bind / && exec "$@"', "sh"),
    *(_path("setpriv"), "--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs"),
    *(f"--inh-caps={_CAPABILITIES}", f"--ambient-caps={_CAPABILITIES}", f"--bounding-set={_CAPABILITIES}"),
)


def needs(isolation: Sequence[str]) -> None:
    """If this machine does not permit an isolation, skip the test, and say why."""
    try:
        done = subprocess.run([*isolation, sys.executable, "-c", ""], capture_output=True, text=True)
    except FileNotFoundError as error:
        pytest.skip(f"not on this machine: {error}")
    if done.returncode:
        pytest.skip(f"{isolation[0]} is not permitted here: {done.stderr.strip()}")
