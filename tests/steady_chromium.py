#!/usr/bin/env -S python3 -I
"""Starts Chromium so that it hears nothing of this machine's networks; takes Chromium's arguments.

A container that starts or ends gives the machine an address or takes one away. Chromium hears of that and
gives up every request that waits for a connection, also those to this machine (ERR_NETWORK_CHANGED): pages
of other tests stayed empty. The kernel refuses it the netlink sockets that it would listen on; it then
takes itself to be online.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import shutil
import socket
import struct
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome")
# What seccomp calls the machine, and the number of socket() there.
_MACHINES = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}
_NO_NEW_PRIVILEGES, _SECCOMP, _FILTER = 38, 22, 2
_LOAD, _IF_EQUAL, _RETURN = 0x20, 0x15, 0x06
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_char_p))


def refuse_netlink() -> None:
    """From now on, in this process and in those that it starts; raises OSError where the kernel will not."""
    machine, socket_call = _MACHINES[platform.machine()]
    checks = ((4, machine), (0, socket_call), (16, socket.AF_NETLINK))
    steps = []
    for at, (offset, wanted) in enumerate(checks):
        to_allow = 2 * (len(checks) - 1 - at) + 1
        steps += [(_LOAD, 0, 0, offset), (_IF_EQUAL, 0, to_allow, wanted)]
    steps += [(_RETURN, 0, 0, _REFUSE | errno.EAFNOSUPPORT), (_RETURN, 0, 0, _ALLOW)]
    program = _Program(len(steps), b"".join(struct.pack("HBBI", *step) for step in steps))
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    for call in ((_NO_NEW_PRIVILEGES, 1, 0, 0, 0), (_SECCOMP, _FILTER, ctypes.byref(program), 0, 0)):
        if prctl(*call) != 0:
            raise OSError(ctypes.get_errno(), "seccomp is not to be had")


if __name__ == "__main__":
    found = next(filter(None, map(shutil.which, NAMES)))
    refuse_netlink()
    os.execv(found, [found, *sys.argv[1:]])
