# SPDX-License-Identifier: Apache-2.0
"""Whom an endpoint takes for the client where nodes masquerade as kube-proxy does (`snat.mode: always`): with a detector of local
pods, without one, and with masqueradeAll. What differs without `always` is in matrix.py.
"""

import itertools

import matrix
import matrix_run
from harness import NODES, Cluster, expect, run_test

FABRIC = "routed"
SERVICES = ("cluster", "ext-local", "int-local")

# Cells: endpoints of which nodes answer (any, or those of the node where the packet meets the service), and the client as they
# see it: kept, or that node.
WITH_DETECTOR = """
source     destination  cluster    ext-local   int-local
local-pod  cluster-ip   any kept   any kept    local kept
node       cluster-ip   any node   any node    local node
outside    cluster-ip   any node   any node    local node
local-pod  external     any node   any kept    any node
node       external     any node   any node    any node
outside    external     any node   local kept  any node
"""

# Without a detector the first masquerade for ClusterIPs goes, and pods are outside clients to eTP Local. Where the answer of
# another node would not come back by this one, nothing is asked: nobody gets an answer there, from kube-proxy neither.
WITHOUT_DETECTOR = """
source     destination  cluster    ext-local   int-local
local-pod  cluster-ip   any kept   any kept    local kept
node       cluster-ip   any kept   any kept    local kept
outside    cluster-ip   lost       lost        local kept
local-pod  external     any node   local kept  any node
node       external     any node   any node    any node
outside    external     any node   local kept  any node
"""

MASQUERADE_ALL = WITH_DETECTOR.replace(
    "local-pod  cluster-ip   any kept   any kept    local kept", "local-pod  cluster-ip   any node   any node    local node"
)

ROUNDS = {
    "with a detector": (WITH_DETECTOR, []),
    "without a detector": (WITHOUT_DETECTOR, ["--detect-local-mode=ClusterCIDR"]),
    "masqueradeAll": (MASQUERADE_ALL, ["--masquerade-all"]),
}


def cells_of(table):
    """(source, destination) -> service -> [who, seen as] or ["lost"]."""
    cells = {}
    for line in table.strip().splitlines()[1:]:
        source, destination, *words = line.split()
        rest = iter(words)
        row = [[word] if word == "lost" else [word, next(rest)] for word in rest]
        cells[source, destination] = dict(zip(SERVICES, row, strict=True))
    return cells


def meeting_point(case):
    """(who the client is to the node where its packet meets the service, that node)."""
    if case.client == "far-pod":
        return ("outside", "n1") if case.destination == "node-port" else ("local-pod", "n2")
    return {"host": "node", "outside": "outside"}.get(case.client, "local-pod"), "n1"


class Masquerading(matrix_run.Verdicts):
    def __init__(self, cluster, table):
        super().__init__(cluster, FABRIC, False)
        self.cells = cells_of(table)

    def cell(self, case):
        destination = "cluster-ip" if case.destination == "cluster-ip" else "external"
        return self.cells[meeting_point(case)[0], destination][case.service]

    def is_asked(self, case):
        # The answer to the node's own raw packet is its own address whatever is done to it.
        return self.cell(case) != ["lost"] and (case.client, case.protocol) != ("host", "SCTP")

    def expected(self, case):
        who, source = self.cell(case)
        return (NODES if who == "any" else (meeting_point(case)[1],)), source

    def clients_seen(self, case, source, node):
        return self.addresses_of(meeting_point(case)[1]) if source == "node" else self.themselves(case)


def questions(verdicts):
    result = {}
    everything = itertools.product(matrix.CLIENTS, SERVICES, matrix.DESTINATIONS, matrix_run.PROTOCOLS, matrix_run.FAMILIES)
    for case in map(matrix_run.Case._make, everything):
        if verdicts.is_asked(case):
            address = matrix_run.address_of(case.service, case.destination, case.family)
            port = matrix_run.port_of(case.service, case.destination)
            result[case] = case.protocol, address, port, matrix_run.ANSWERS
    return result


def complaints_about(verdicts, results):
    complaints = [(case, verdicts.complaint(case, outcomes)) for case, outcomes in results.items()]
    return [f"{' '.join(case)}: {complaint}" for case, complaint in complaints if complaint]


def check():
    asked = 0
    with Cluster(pods=3, fabric=FABRIC) as cluster:
        for node in NODES:
            cluster.serve(cluster.pod(node, 2), [matrix_run.POD_PORT])
        cluster.apply("matrix.json", matrix_run.objects(cluster))
        for name, (table, options) in ROUNDS.items():
            for agent in cluster.agents.values():
                agent.stop()
                agent.waggle("cleanup")  # a flow of the round before keeps its masquerade, and a port may come again
            cluster.start_agents("--snat-mode=always", *options)
            verdicts = Masquerading(cluster, table)
            results = matrix_run.ask_all(cluster, questions(verdicts))
            complaints = complaints_about(verdicts, results)
            expect(not complaints, f"{name}, {len(complaints)} of {len(results)} cases:\n" + "\n".join(complaints[:60]))
            asked += len(results)
    return f"{asked} cases of masqueraded traffic"


# Proves: K-50, K-51, K-52, K-53, K-54, K-55, K-56, K-57, X-131, X-132, X-133
run_test(check)
