# SPDX-License-Identifier: Apache-2.0
"""Asks the kernel which programs are attached to a link, without the agent's help."""

import ctypes
import platform
import struct

from tasks import libc

BPF_PROG_QUERY = 16
BPF_TCX_INGRESS = 46
BPF_TCX_EGRESS = 47
SYSCALL_NUMBER = {"x86_64": 321, "aarch64": 280}[platform.machine()]


def tcx_programs(ifindex, attach_type):
    """How many programs a link of this network namespace has at a tcx hook."""
    ids = (ctypes.c_uint32 * 16)()
    attribute = ctypes.create_string_buffer(
        struct.pack("=IIIIQIIQQQQ", ifindex, attach_type, 0, 0, ctypes.addressof(ids), 16, 0, 0, 0, 0, 0)
    )
    if libc.syscall(SYSCALL_NUMBER, BPF_PROG_QUERY, attribute, len(attribute.raw) - 1) != 0:
        return 0
    return struct.unpack_from("=I", attribute, 24)[0]
