# SPDX-License-Identifier: Apache-2.0
"""What the socket tests share: the harness of tests/e2e, and small functions that run in a client's place."""

import errno
import os
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "e2e"))

import clients  # noqa: E402
import manifests  # noqa: E402
import web  # noqa: E402
from harness import Cluster, expect, run_test, wait_for  # noqa: E402

__all__ = ["Cluster", "clients", "expect", "flows_of", "manifests", "run_test", "wait_for", "web",
           "KINDS", "socket_to", "try_calls"]

# Ways to name a service: (what, service address as given to the socket, as it is in the manifest)
KINDS = (
    ("IPv4", web.CLUSTER_IPS[0], web.CLUSTER_IPS[0]),
    ("IPv6", web.CLUSTER_IPS[1], web.CLUSTER_IPS[1]),
    ("IPv4 through an IPv6 socket", f"::ffff:{web.CLUSTER_IPS[0]}", web.CLUSTER_IPS[0]),
)


def socket_to(address, kind):
    """A socket of the family that the address is written in."""
    result = socket.socket(clients.family_of(address), kind)
    result.settimeout(3.0)
    return result


def try_calls(address, port):
    """Answers {call: name of its error} for what can start talking to a service."""
    result = {}
    for call, kind, function in (
        ("connect TCP", socket.SOCK_STREAM, lambda s: s.connect((address, port))),
        ("connect UDP", socket.SOCK_DGRAM, lambda s: s.connect((address, port))),
        ("sendto UDP", socket.SOCK_DGRAM, lambda s: s.sendto(b"-", (address, port))),
    ):
        with socket_to(address, kind) as asker:
            try:
                function(asker)
                result[call] = "nothing"
            except OSError as error:
                result[call] = errno.errorcode.get(error.errno, str(error))
    return result


def flows_of(cluster, place, protocol):
    """How many flows TC has opened for a place of n1."""
    return sum(len(cluster.agents["n1"].json("flow", "list", "--protocol", protocol.lower(), "--client", address))
               for address in (place.ipv4, place.ipv6))
