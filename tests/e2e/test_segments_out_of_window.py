# SPDX-License-Identifier: Apache-2.0
"""Segments of a backend that lie in no window of their connection, as a router that is slow or a kernel that is late makes them,
reach the client as the service's, on every path: an untranslated one would be answered with a reset, which ends the connection
(Kubernetes issue 74839). Each is translated whole: its checksum is right."""

import select
import socket
import struct
import time

import clients
import manifests
import web
from harness import NODES, Cluster, expect, run_test

FAR = 0x20000000  # beyond every window, in sequence numbers
MARK = b"in no window"
NODE_PORT = 30080
SERVICES = {"near": ("10.96.0.91", "fd00:10:96::91"), "far": ("10.96.0.92", "fd00:10:96::92")}
LOAD_BALANCERS = {"near": ("192.0.2.91", "2001:db8:2::91"), "far": ("192.0.2.92", "2001:db8:2::92")}
HEADER = struct.Struct("!HHIIBBHHH")
RST = 4


class Segments:
    """The TCP segments that arrive in this place, as (source address, ports, sequence, acknowledgement, flags, data, whether the
    checksum is right)."""

    def __init__(self, family, own_address):
        self.family = family
        self.own_address = own_address
        self.raw = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_TCP)

    def read(self, timeout):
        if not select.select([self.raw], [], [], timeout)[0]:
            return None
        packet, (source, *_) = self.raw.recvfrom(65536)
        segment = packet if self.family == socket.AF_INET6 else packet[(packet[0] & 15) * 4 :]
        from_port, to_port, sequence, acknowledgement, offset, flags, *_ = HEADER.unpack_from(segment)
        right = checksum(self.family, source, self.own_address, segment) == 0
        return source, from_port, to_port, sequence, acknowledgement, flags, segment[(offset >> 4) * 4 :], right


def checksum(family, source, destination, segment):
    """0 over a segment that has its own, and is whole. The ones' complement of an odd end is padded."""
    pseudo = socket.inet_pton(family, source) + socket.inet_pton(family, destination)
    pseudo += struct.pack("!II", len(segment), socket.IPPROTO_TCP)
    data = pseudo + segment + b"\0" * (len(segment) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def serve(address, port, count, report):
    """Takes `count` connections, one after another. On each line of a client: a segment from the past, one from the future, and
    then a line over the connection. Answers how many resets came."""
    listener = socket.create_server((address, port), family=clients.family_of(address))
    heard = Heard(Segments(clients.family_of(address), address), port)
    report("listening")
    for _ in range(count):
        connection, peer = listener.accept()
        with connection:
            while connection.recv(64):
                sequence, acknowledgement = heard.last_of(peer[1])
                for shift in (-FAR, FAR):
                    send(heard.segments, peer, port, acknowledgement + shift, sequence)
                connection.sendall(b"sent\n")
    heard.take_all()
    return heard.resets


class Heard:
    """What came to a port: resets, and how far each client is. A client may have sent before its connection is taken."""

    def __init__(self, segments, port):
        self.segments = segments
        self.port = port
        self.resets = 0
        self.last = {}  # client's port -> its next sequence number, and ours

    def take_all(self):
        while (segment := self.segments.read(0)) is not None:
            _, from_port, to_port, sequence, acknowledgement, flags, data, _ = segment
            if to_port != self.port:
                continue
            self.resets += flags & RST != 0
            if data:
                self.last[from_port] = sequence + len(data), acknowledgement

    def last_of(self, client_port):
        """Its data has come over the connection, so it is here, too."""
        self.take_all()
        return self.last[client_port]


def send(segments, peer, port, sequence, acknowledgement):
    def segment(sum_of_it):
        fields = (port, peer[1], sequence % 2**32, acknowledgement % 2**32, 5 << 4, 0x18, 512, sum_of_it, 0)
        return HEADER.pack(*fields) + MARK

    whole = segment(checksum(segments.family, segments.own_address, peer[0], segment(0)))
    segments.raw.sendto(whole, (peer[0], 0))


def ask(address, port):
    """Two questions over one connection: what came of segments in no window, as (source address, source port, is whole)."""
    with clients.tcp_connection(address, port) as connection:
        segments = Segments(connection.family, connection.getsockname()[0])
        for _ in range(2):
            connection.sendall(b"go\n")
            expect(clients.read_line(connection) == b"sent\n", "the connection says something else")
        own_port, seen, end = connection.getsockname()[1], [], time.monotonic() + 3
        while len(seen) < 4 and time.monotonic() < end:
            segment = segments.read(0.1)
            if segment is not None and segment[2] == own_port and segment[6] == MARK:
                seen.append((segment[0], segment[1], segment[7]))
        return seen


def objects(cluster, pods):
    result = [manifests.node(cluster.node(name)) for name in NODES]
    for number, (name, pod) in enumerate(pods.items()):
        ports = [("http", "TCP", web.PORT, NODE_PORT + number)]
        result.append(manifests.service(name, ports, SERVICES[name], LOAD_BALANCERS[name]))
        result += manifests.slices_of_pods(name, [pod], [("http", "TCP", web.POD_PORT)])
    return result


def paths(cluster, name, family):
    """what -> place, address, port."""
    node = cluster.node("n1")
    number = list(SERVICES).index(name)
    outside, pod, host = cluster.client(), cluster.pod("n1", 4), cluster.without_socket_hooks(node)
    node_address = (node.ipv4, node.ipv6)[family]
    return {
        "pod -> ClusterIP": (cluster.without_socket_hooks(pod), SERVICES[name][family], web.PORT),
        "pod -> ClusterIP at the socket": (pod, SERVICES[name][family], web.PORT),
        "host -> ClusterIP": (host, SERVICES[name][family], web.PORT),
        "outside -> LoadBalancer": (outside, LOAD_BALANCERS[name][family], web.PORT),
        "outside -> node port": (outside, node_address, NODE_PORT + number),
    }


def check(cluster, name, pod, family):
    """Over every path to this backend."""
    asked = paths(cluster, name, family)
    address = (pod.ipv4, pod.ipv6)[family]
    server = cluster.start(pod, serve, address, web.POD_PORT, len(asked))
    server.receive(20.0)
    for what, (place, service, port) in asked.items():
        seen = cluster.run(place, ask, service, port)
        # What is translated at the socket is the backend's own connection.
        source = (address, web.POD_PORT) if what.endswith("at the socket") else (service, port)
        expect(seen == [(*source, True)] * 4, f"{what} {service}, backend {name}: the client saw {seen}")
    resets = server.result(20.0)
    expect(resets == 0, f"backend {name} got {resets} resets")


# Proves: K-101
def test():
    with Cluster(pods=4) as cluster:
        pods = {"near": cluster.pod("n1", 2), "far": cluster.pod("n2", 2)}
        cluster.apply("web.json", objects(cluster, pods))
        # A firewall of the node that drops such segments would keep them from the client.
        cluster.start_agents("--conntrack-tcp-be-liberal")
        for name, pod in pods.items():
            cluster.wait_for_backends(f"default/{name}:http", web.addresses([pod]))
        before = cluster.agents["n1"].packets_sent_by_xdp()
        for name, pod in pods.items():
            for family in (0, 1):
                check(cluster, name, pod, family)
        expect(cluster.agents["n1"].packets_sent_by_xdp() > before, "no packet went through XDP")
    return "segments in no window are the service's on every path"


run_test(test)
