# SPDX-License-Identifier: Apache-2.0
"""Asks every question of matrix.py on one cluster and compares what came of it with the table."""

import collections
import itertools
import subprocess

import clients
import manifests
import matrix
from harness import NODES, Cluster, expect

PORT, POD_PORT = 80, 8080
PROTOCOLS = ("TCP", "UDP", "SCTP")
FAMILIES = ("IPv4", "IPv6")
ANSWERS = 4  # questions a case, where an answer is expected: 24 for each client, service and destination
FIRST_NODE_PORT = 30001

Case = collections.namedtuple("Case", "client service destination protocol family")


def number_of(service):
    return list(matrix.SERVICES).index(service) + 1


def address_of(service, destination, family):
    n = number_of(service)
    plain, long = {
        "cluster-ip": (f"10.96.1.{n}", f"fd00:10:96::1{n:02}"),
        "node-port": ("172.18.0.11", "fd00:172:18::11"),
        "load-balancer": (f"192.0.2.{100 + n}", f"2001:db8:2::1{n:02}"),
        "external-ip": (f"198.51.100.{100 + n}", f"2001:db8:51::1{n:02}"),
    }[destination]
    return plain if family == "IPv4" else long


def port_of(service, destination):
    return FIRST_NODE_PORT + number_of(service) if destination == "node-port" else PORT


def objects(cluster):
    result = [manifests.node(cluster.node(node), labels={"topology.kubernetes.io/zone": f"zone-{node}"}) for node in NODES]
    for name, (external, internal, endpoints) in matrix.SERVICES.items():
        ports = [(p.lower(), p, PORT, port_of(name, "node-port")) for p in PROTOCOLS]
        addresses = {d: [address_of(name, d, f) for f in FAMILIES] for d in matrix.DESTINATIONS}
        result.append(manifests.service(
            name, ports, addresses["cluster-ip"], addresses["load-balancer"], externalIPs=addresses["external-ip"],
            externalTrafficPolicy=external, internalTrafficPolicy=internal, healthCheckNodePort=32000 + number_of(name),
        ))
        for family in FAMILIES if endpoints else ():
            objects_of_slice = [endpoint_object(cluster, word, family) for word in endpoints.split()]
            result.append(manifests.endpoint_slice(name, objects_of_slice, [(p.lower(), p, POD_PORT) for p in PROTOCOLS]))
    return result


def endpoint_object(cluster, word, family):
    """word: as in matrix.SERVICES."""
    conditions = {
        "-": {"ready": False, "serving": True, "terminating": True},
        "!": {"ready": False, "serving": False},
    }
    result = manifests.pod_endpoint(endpoint_at(cluster, word), family, **conditions.get(word[2:], {}))
    if word.endswith("@"):
        result["hints"] = {"forZones": [{"name": f"zone-{word[:2]}"}]}
    return result


def endpoint_at(cluster, word):
    node = word[:2]
    return cluster.node(node) if word.endswith("*") else cluster.pod(node, 2)


def endpoint_of(cluster, service, node):
    """The endpoint of a service on a node."""
    return endpoint_at(cluster, next(word for word in matrix.SERVICES[service][2].split() if word.startswith(node)))


def place_of(cluster, client):
    return {
        "pod": cluster.pod("n1", 3),
        # Another pod: one whose calls are balanced at the socket and in packets both meets its own ports again (differences, K-09).
        "pod-tc": cluster.without_socket_hooks(cluster.pod("n1", 4)),
        "host": cluster.node("n1"),
        "far-pod": cluster.pod("n2", 3),
        "outside": cluster.client(),
    }[client]


def question(fabric, case):
    who, _ = matrix.expected(case.service, case.destination, case.client)
    address = address_of(case.service, case.destination, case.family)
    once = who in ("refused", "silent") or matrix.pending_row(fabric, *case)
    return case.protocol, address, port_of(case.service, case.destination), 1 if once else ANSWERS


class Verdicts:
    """Compares outcomes with the table, and knows which nodes' addresses a pod may see."""

    def __init__(self, cluster, fabric, masquerade):
        self.cluster = cluster
        self.fabric = fabric
        self.masquerade = masquerade

    def addresses_of(self, node):
        place = self.cluster.node(node)
        return {place.ipv4, place.ipv6, f"10.244.{node[1]}.1", f"fd00:10:244:{node[1]}::1"}

    def expected(self, case):
        return matrix.expected(case.service, case.destination, case.client)

    def themselves(self, case):
        """The addresses by which the pods know the client if nobody of Waggle's hides it."""
        place = place_of(self.cluster, case.client)
        if case.client == "host":
            return self.addresses_of("n1")
        if self.masquerade and case.client == "far-pod" and case.destination == "node-port":
            return self.addresses_of("n2")
        hidden = self.masquerade and case.service == "on-nodes" and place.node
        return {place.ipv4, place.ipv6} | (self.addresses_of(place.node) if hidden else set())

    def clients_seen(self, case, source, node):
        """The addresses that an endpoint on `node` may take for the client's; source: as in the table."""
        return self.addresses_of("n1") if source == "node" and node != "n1" else self.themselves(case)

    def complaint(self, case, outcomes):
        """None if this is what the table says."""
        who, source = self.expected(case)
        if who in ("refused", "silent"):
            word = clients.REFUSED if who == "refused" else clients.LOST
            # A raw socket of the node hears at once of a packet that was dropped where it leaves.
            words = [word, "broken: No buffer space available"] if case.client == "host" and who == "silent" else [word]
            return None if outcomes[0] in words else f"should be {who}, but: {outcomes[0]}"
        for outcome in outcomes:
            if complaint := self._wrong_answer(case, who, source, outcome):
                return complaint
        return None

    def _wrong_answer(self, case, nodes, source, outcome):
        if not isinstance(outcome, clients.Answer):
            return f"should be answered, but: {outcome}"
        node = next((n for n in nodes if outcome.pod == endpoint_of(self.cluster, case.service, n).name), None)
        if node is None or outcome.port != POD_PORT:
            return f"answered by {outcome.pod}, port {outcome.port}; only endpoints of {nodes} may"
        allowed = self.clients_seen(case, source, node)
        return None if outcome.peer in allowed else f"{outcome.pod} sees {outcome.peer} as the client, not one of {sorted(allowed)}"


def silent_endpoints(cluster, results):
    """(client, service, destination) -> names of endpoints that may answer it, and never did in all its answers."""
    seen = collections.defaultdict(set)
    for case, outcomes in results.items():
        seen[case[:3]] |= {o.pod for o in outcomes if isinstance(o, clients.Answer)}
    silent = {}
    for (client, service, destination), pods in seen.items():
        who, _ = matrix.expected(service, destination, client)
        wanted = {endpoint_of(cluster, service, n).name for n in who} if isinstance(who, tuple) else set()
        silent[client, service, destination] = wanted - pods
    return silent


def ask_everything(cluster, fabric):
    """case -> outcomes."""
    cases = (Case(*rest) for rest in itertools.product(matrix.CLIENTS, matrix.SERVICES, matrix.DESTINATIONS, PROTOCOLS, FAMILIES))
    return ask_all(cluster, {case: question(fabric, case) for case in cases})


def ask_all(cluster, questions):
    """Case -> outcomes, of case -> arguments of clients.ask; all clients ask at the same time."""
    results, tasks = {}, {}
    for client in matrix.CLIENTS:
        cases = [case for case in questions if case.client == client]
        task = cluster.start(place_of(cluster, client), clients.ask_all, [questions[case] for case in cases])
        tasks[client] = cases, task
    for cases, task in tasks.values():
        results |= zip(cases, task.result(120.0))
    return results


def expect_strict_reverse_paths(cluster):
    """On every link of a node that packets of services come by."""
    for link in (*cluster.devices.split(","), "calin12"):
        command = ["nsenter", f"--net=/run/netns/{cluster.name}-n1", "sysctl", "-n", f"net/ipv4/conf/{link}/rp_filter"]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
        expect(said == "1", f"rp_filter of {link} is {said}")


def check(fabric, masquerade=False, options=()):
    """The whole matrix on a fabric."""
    with Cluster(pods=3, fabric=fabric, masquerade=masquerade) as cluster:
        for node in NODES:
            cluster.serve(cluster.pod(node, 2), [POD_PORT])
            cluster.serve(cluster.node(node), [POD_PORT])
        cluster.apply("matrix.json", objects(cluster))
        cluster.start_agents(*options)
        expect_strict_reverse_paths(cluster)
        verdicts = Verdicts(cluster, fabric, masquerade)
        results = ask_everything(cluster, fabric)
        complaints, needless = sort_out(verdicts, results)
        expect(not complaints, f"{len(complaints)} of {len(results)} cases:\n" + "\n".join(complaints[:60]))
        expect(not needless, "what passes is to leave matrix.PENDING:\n" + "\n".join(needless[:60]))
    return f"{len(results)} cases of traffic on the fabric {fabric}"


def sort_out(verdicts, results):
    """(complaints about cases that should pass, what is pending without need)."""
    complaints = []
    unneeded = set(matrix.PENDING)
    silent = silent_endpoints(verdicts.cluster, results)
    for case, outcomes in results.items():
        complaint = verdicts.complaint(case, outcomes)
        if not complaint and silent[case[:3]]:
            complaint = f"{sorted(silent[case[:3]])} never answered, over whatever protocol and family"
        row = matrix.pending_row(verdicts.fabric, *case)
        if complaint and row is None:
            complaints.append(f"{' '.join(case)}: {complaint}")
        elif complaint:
            unneeded.discard(row)
    return complaints, [f"all of {row}" for row in unneeded]
