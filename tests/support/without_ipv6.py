"""Run a command as on a kernel without IPv6: `without_ipv6.py COMMAND …`.

A seccomp filter answers socket(AF_INET6, …) with EAFNOSUPPORT, as such a kernel does. (If sysctl turns
IPv6 off in a network namespace, its sockets still work.)
"""

import ctypes
import errno
import os
import platform
import socket
import struct
import sys

SOCKET_CALL = {"x86_64": 41, "aarch64": 198}
PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, SECCOMP_MODE_FILTER = 22, 38, 2
LOAD, EQUALS, RETURN = 0x20, 0x15, 0x06  # of BPF: load a word of seccomp_data, compare, return
NUMBER, FIRST_ARGUMENT = 0, 16  # offsets in seccomp_data
REFUSE, ALLOW = 0x00050000, 0x7FFF0000

INSTRUCTIONS = [
    (LOAD, 0, 0, NUMBER),
    (EQUALS, 0, 3, SOCKET_CALL[platform.machine()]),  # if not equal, jump to ALLOW
    (LOAD, 0, 0, FIRST_ARGUMENT),
    (EQUALS, 0, 1, socket.AF_INET6),
    (RETURN, 0, 0, REFUSE | errno.EAFNOSUPPORT),
    (RETURN, 0, 0, ALLOW),
]


class Program(ctypes.Structure):
    """A sock_fprog of linux/filter.h."""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def main() -> None:
    """Install the filter, and exec the command."""
    code = b"".join(struct.pack("HBBI", *instruction) for instruction in INSTRUCTIONS)
    program = Program(len(INSTRUCTIONS), code)
    libc = ctypes.CDLL(None, use_errno=True)
    for call in (
        (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
        (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0),
    ):
        if libc.prctl(*call):
            sys.exit(os.strerror(ctypes.get_errno()))
    os.execv(sys.argv[1], sys.argv[1:])


if __name__ == "__main__":
    main()
