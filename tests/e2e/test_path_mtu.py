# SPDX-License-Identifier: Apache-2.0
"""A hop whose MTU is smaller than the links beside it, between client and node or between node and backend: its ICMP errors
reach whoever sent the packet that did not fit, about the addresses which that one knows. So TCP transfers get through in both
directions, and a socket that forbids fragments is told the size that fits."""

import errno
import socket
import subprocess

import clients
import downloads
import web
from harness import Cluster, expect, run_test, wait_for

SMALL = 1300  # bytes, the MTU of the narrow hop; IPv6 allows 1280 and more
OVERLAY = 1450  # bytes, of VXLAN's links
SIZE = 1_000_000  # bytes of a transfer
LINE = 50_000  # bytes that the server repeats at once
HEADERS = {socket.AF_INET: 28, socket.AF_INET6: 48}
IP_MTU_DISCOVER, IP_PMTUDISC_DO, IP_MTU = 10, 2, 14
IPV6_MTU_DISCOVER, IPV6_MTU, IPV6_DONTFRAG = 23, 24, 62
CLIENT = ("172.19.0.100", "fd00:172:19::100")  # the client in a subnet of its own, behind the fabric as its router


def ip(cluster, place, *lines):
    words = ["ip", "-n", f"{cluster.name}-{place}", "-batch", "-"]
    subprocess.run(words, input="\n".join(lines), text=True, check=True)


def put_client_behind_router(cluster):
    """The fabric then routes between client and nodes."""
    forward = ["sysctl", "-q", "-w", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"]
    subprocess.run(["nsenter", f"--net=/run/netns/{cluster.name}-fabric", *forward], check=True)
    ip(cluster, "fabric", "link set to-client nomaster", "address add 172.19.0.1/24 dev to-client",
       "address add fd00:172:19::1/64 dev to-client nodad", "route add 192.0.2.0/24 via 172.18.0.11",
       "route add 2001:db8:2::/64 via fd00:172:18::11")
    ip(cluster, "client", "address flush dev eth0 scope global", f"address add {CLIENT[0]}/24 dev eth0",
       f"address add {CLIENT[1]}/64 dev eth0 nodad", "route del 2001:db8:2::/64", "route add default via 172.19.0.1",
       "route add default via fd00:172:19::1")


def narrow_toward_client_and_node(cluster):
    """The router forwards no packet over SMALL, whichever way it goes."""
    ip(cluster, "fabric", f"route add {CLIENT[0]}/32 dev to-client mtu lock {SMALL}",
       f"route add {CLIENT[1]}/128 dev to-client mtu lock {SMALL}",
       f"route replace 192.0.2.0/24 via 172.18.0.11 mtu lock {SMALL}",
       f"route replace 2001:db8:2::/64 via fd00:172:18::11 mtu lock {SMALL}",
       f"route add 172.18.0.11/32 dev br0 mtu lock {SMALL}", f"route add fd00:172:18::11/128 dev br0 mtu lock {SMALL}")


def narrow_toward_pod(cluster, pod):
    """The pod's node forwards no packet over SMALL to it."""
    link = f"calin{pod.node[1]}{pod.name.split('-p')[1]}"
    ip(cluster, pod.node, f"route replace {pod.ipv4} dev {link} scope link mtu lock {SMALL}",
       f"route replace {pod.ipv6} dev {link} mtu lock {SMALL}")


def upload(address, port, size):
    """Sends `size` bytes over one connection, in lines that the server repeats; True if they came back whole."""
    line = b"x" * (LINE - 1) + b"\n"
    with clients.tcp_connection(address, port, timeout=15.0) as connection:
        for _ in range(size // LINE):
            connection.sendall(line)
            if clients.read_line(connection) != line:
                return False
    return True


def largest_datagram(address, port):
    """The MTU that a socket which forbids fragments is told, after datagrams of full size, and who answers one that fits."""
    asker = clients.udp_socket(address, port, timeout=1.0)
    if asker.family == socket.AF_INET6:
        asker.setsockopt(socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER, IP_PMTUDISC_DO)
        asker.setsockopt(socket.IPPROTO_IPV6, IPV6_DONTFRAG, 1)
    else:
        asker.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO)
    mtu = 1500
    for _ in range(5):
        try:
            return mtu, clients.count_udp(asker, mtu - HEADERS[asker.family])
        except OSError as error:
            if not isinstance(error, TimeoutError) and error.errno != errno.EMSGSIZE:
                raise
            mtu = mtu_of(asker)
    return mtu, clients.LOST


def mtu_of(asker):
    if asker.family == socket.AF_INET6:
        return asker.getsockopt(socket.IPPROTO_IPV6, IPV6_MTU)
    return asker.getsockopt(socket.IPPROTO_IP, IP_MTU)


def forget(cluster):
    """What the kernels learned about paths."""
    for place in ("client", "n1", "n2", "n1-p2", "n2-p2"):
        for family in ("-4", "-6"):
            subprocess.run(["ip", "-n", f"{cluster.name}-{place}", family, "route", "flush", "cache"], check=True)


def check(cluster, backend, where, mtu):
    web.apply(cluster, [backend])
    for address in web.LOAD_BALANCER_IPS:
        forget(cluster)
        what = f"{where}, backend {backend.name}, {address}"
        told, outcome = cluster.run(cluster.client(), largest_datagram, address, web.PORT)
        expect(told == mtu, f"{what}: a datagram that may not be fragmented was told MTU {told}, then {outcome}")
        web.expect_answers([outcome], [backend], f"{what}: a datagram of {told} bytes")
        forget(cluster)
        expect(cluster.run(cluster.client(), upload, address, web.PORT, SIZE), f"{what}: the line came back changed")
        result = cluster.run(cluster.client(), downloads.download, address, web.PORT, SIZE, 10 * SIZE)
        expect(result == {"wrong": 0, "missing": 0}, f"{what}: download: {result}")


def narrow_routes(backends, mtu):
    """To the client, and to the pods of the other node."""
    routes = [f"{CLIENT[0]}/32 via 172.18.0.1 mtu {mtu}", f"{CLIENT[1]}/128 via fd00:172:18::1 mtu {mtu}"]
    for pod in backends:
        if pod.node != "n1":
            routes += [f"{pod.ipv4}/32 via 172.18.0.12 mtu {mtu}", f"{pod.ipv6}/128 via fd00:172:18::12 mtu {mtu}"]
    return routes


def narrow_on_node(cluster, backends, mtu):
    """Node n1 itself has the narrow ways."""
    ip(cluster, "n1", *(f"route add {route}" for route in narrow_routes(backends, mtu)))


def notices_of_routes(cluster):
    """What n1's agent says of eth0's routes."""
    links = cluster.agents["n1"].status().get("links", [])
    return [notice for link in links if link["interface"] == "eth0" for notice in link["notices"] if "MTU" in notice]


def check_routes_that_xdp_does_not_see():
    """MTUs that are not locked: bpf_fib_lookup ignores them, so XDP sends nothing by the link while there are any."""
    with Cluster(pods=2) as cluster:
        backends = [cluster.pod("n1", 2), cluster.pod("n2", 2)]
        put_client_behind_router(cluster)
        web.start(cluster, backends)
        narrow_on_node(cluster, backends, SMALL)
        wait_for(lambda: len(notices_of_routes(cluster)) == 1, "n1's agent says that routes have an MTU of their own")
        check(cluster, backends[1], "by routes of the node", SMALL)
        sent = cluster.agents["n1"].packets_sent_by_xdp()
        expect(sent == 0, f"by routes of the node: XDP of n1 sent {sent} packets on its own")
        ip(cluster, "n1", *(f"route del {route}" for route in narrow_routes(backends, SMALL)))
        wait_for(lambda: not notices_of_routes(cluster), "n1's agent says so no longer")
        check(cluster, backends[1], "without such routes", 1500)
        expect(cluster.agents["n1"].packets_sent_by_xdp() > 0, "XDP of n1 sends nothing though no route has an MTU of its own")


def check_hop(hop, fabric, mtu, *options):
    with Cluster(pods=2, fabric=fabric) as cluster:
        backends = [cluster.pod("n1", 2), cluster.pod("n2", 2)]
        put_client_behind_router(cluster)
        web.start(cluster, backends, *options)
        if hop == "between client and node":
            narrow_toward_client_and_node(cluster)
        elif hop == "between node and backend":
            for backend in backends:
                narrow_toward_pod(cluster, backend)
        elif hop == "of the node":
            narrow_on_node(cluster, backends, f"lock {SMALL}")
        for backend in backends[1:] if hop == "of the node" else backends:
            check(cluster, backend, " ".join((hop, *options)), mtu)
        sent = cluster.agents["n1"].packets_sent_by_xdp()
        expect(fabric == "vxlan" or (sent > 0) == (not options), f"{hop}, options {options}: XDP of n1 sent {sent} packets on its own")


# Proves: K-14
def test():
    for options in ((), ("--xdp=off",)):
        for hop in ("between client and node", "between node and backend", "of the node"):
            check_hop(hop, "routed", SMALL, *options)
    check_routes_that_xdp_does_not_see()
    check_hop("overlay", "vxlan", OVERLAY)
    return "packets that do not fit are answered by an error that their sender understands"


run_test(test)
