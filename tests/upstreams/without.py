"""Runs a program on a kernel that lacks some calls.

    without.py NUMBER=ERRNO[,NUMBER=ERRNO…] PROGRAM [ARGUMENT…]

A filter answers these calls of x86_64 with these errors, to the program and to everything that it starts.
"""

import ctypes
import os
import struct
import sys

LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06
SET_NO_NEW_PRIVS, SET_SECCOMP, FILTER = 38, 22, 2

steps = [(LOAD, 0, 0, 0)]
for missing in sys.argv[1].split(","):
    number, errno = map(int, missing.split("="))
    steps += [(EQUAL, 0, 1, number), (RETURN, 0, 0, 0x00050000 | errno)]
steps.append((RETURN, 0, 0, 0x7FFF0000))
table = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
program = struct.pack("HxxxxxxQ", len(steps), ctypes.addressof(table))
libc = ctypes.CDLL(None, use_errno=True)
for arguments in [(SET_NO_NEW_PRIVS, 1, 0, 0, 0), (SET_SECCOMP, FILTER, ctypes.create_string_buffer(program), 0, 0)]:
    words = [ctypes.c_long(word) if isinstance(word, int) else word for word in arguments]
    if libc.prctl(*words) != 0:
        sys.exit(os.strerror(ctypes.get_errno()))
os.execv(sys.argv[2], sys.argv[2:])
