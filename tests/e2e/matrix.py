# SPDX-License-Identifier: Apache-2.0
"""What must become of a question to a service: every kind of client x destination x policy. The table holds for TCP, UDP and
SCTP, both families and every fabric; matrix_run.py asks.

Services differ in their policies and in where their endpoints are.
"""

# name: externalTrafficPolicy, internalTrafficPolicy, where the endpoints are: a pod of that node, and -: it is terminating, but
# serves; !: it does not serve; *: not a pod but a server of the node itself; @: it is meant for the node's own zone.
SERVICES = {
    "cluster": ("Cluster", "Cluster", "n1 n2"),
    "ext-local": ("Local", "Cluster", "n1 n2"),
    "int-local": ("Cluster", "Local", "n1 n2"),
    "ext-away": ("Local", "Cluster", "n2"),
    "int-away": ("Cluster", "Local", "n2"),
    "empty": ("Local", "Local", ""),
    "unready": ("Local", "Local", "n1! n2!"),
    "ending": ("Cluster", "Cluster", "n1- n2-"),
    "ext-ending": ("Local", "Cluster", "n1- n2"),
    "ext-away-ending": ("Local", "Cluster", "n2-"),
    "on-nodes": ("Cluster", "Cluster", "n1* n2*"),
    "zoned": ("Cluster", "Cluster", "n1@ n2@"),
}

# Node ports are asked for at node n1; what comes from outside to the other addresses arrives at n1, too. A pod's packet
# is a service's where it leaves the pod, so a pod on n2 meets n1 only by its node port.
DESTINATIONS = ("cluster-ip", "node-port", "load-balancer", "external-ip")

# pod: on n1; pod-tc: the same without socket hooks, so that its packets are translated; host: a process of n1; far-pod: on
# n2; outside: a machine that is no node.
CLIENTS = ("pod", "pod-tc", "host", "far-pod", "outside")

# Cells: who answers (any, n1, n2: of the endpoints there are; refused; silent) and whom it takes for the client: `kept` is
# the client itself, `node` is n1 if the answer comes from n2, else the client. (kube-proxy hides the client in more cases:
# docs/differences.md.)
#
# The columns pod, pod-tc and host are one: `near`.
TABLE = """
service    destination    near          far-pod       outside
cluster    cluster-ip     any kept      any kept      any node
cluster    node-port      any kept      any node      any node
cluster    load-balancer  any kept      any kept      any node
cluster    external-ip    any kept      any kept      any node
ext-local  cluster-ip     any kept      any kept      any node
ext-local  node-port      any kept      n1 kept       n1 kept
ext-local  load-balancer  any kept      any kept      n1 kept
ext-local  external-ip    any kept      any kept      n1 kept
int-local  cluster-ip     n1 kept       n2 kept       n1 kept
int-local  node-port      any kept      any node      any node
int-local  load-balancer  any kept      any kept      any node
int-local  external-ip    any kept      any kept      any node
ext-away   cluster-ip     n2 kept       n2 kept       n2 node
ext-away   node-port      n2 kept       silent        silent
ext-away   load-balancer  n2 kept       n2 kept       silent
ext-away   external-ip    n2 kept       n2 kept       silent
int-away   cluster-ip     silent        n2 kept       silent
int-away   node-port      n2 kept       n2 node       n2 node
int-away   load-balancer  n2 kept       n2 kept       n2 node
int-away   external-ip    n2 kept       n2 kept       n2 node
empty      *              refused       refused       refused
unready    *              refused       refused       refused
ending     cluster-ip     any kept      any kept      any node
ending     node-port      any kept      any node      any node
ending     load-balancer  any kept      any kept      any node
ending     external-ip    any kept      any kept      any node
ext-ending cluster-ip     n2 kept       n2 kept       n2 node
ext-ending node-port      n2 kept       n1 kept       n1 kept
ext-ending load-balancer  n2 kept       n2 kept       n1 kept
ext-ending external-ip    n2 kept       n2 kept       n1 kept
ext-away-ending cluster-ip    n2 kept   n2 kept       n2 node
ext-away-ending node-port     n2 kept   silent        silent
ext-away-ending load-balancer n2 kept   n2 kept       silent
ext-away-ending external-ip   n2 kept   n2 kept       silent
on-nodes   cluster-ip     any kept      any kept      any node
on-nodes   node-port      any kept      any node      any node
on-nodes   load-balancer  any kept      any kept      any node
on-nodes   external-ip    any kept      any kept      any node
zoned      cluster-ip     n1 kept       n2 kept       n1 kept
zoned      node-port      n1 kept       n1 kept       n1 kept
zoned      load-balancer  n1 kept       n2 kept       n1 kept
zoned      external-ip    n1 kept       n2 kept       n1 kept
"""

# Cases that do not come out as the table says, each with the reason. A row stands for every case that has its words ("" is
# any); one of which none fails any more must leave the list.
#
# fabric, client, service, destination, protocol, family, reason
PENDING = [
    ("", "host", "", "node-port", "SCTP", "", "a raw packet of the node to itself passes no link (differences.md, K-47)"),
    ("", "host", "on-nodes", "", "SCTP", "", "a raw packet of the node to itself passes no link (differences.md, K-47)"),
]


def expected(service, destination, client):
    """(nodes whose endpoint may answer, "kept" or "node"), or ("refused" or "silent", None)."""
    column = {"far-pod": 1, "outside": 2}.get(client, 0)
    who, source = _CELLS[service, destination][column]
    if who in ("refused", "silent"):
        return who, None
    return (tuple(endpoint[:2] for endpoint in SERVICES[service][2].split()) if who == "any" else (who,)), source


def pending_row(*case):
    """The first row of PENDING that names this fabric, client, service, destination, protocol and family."""
    return next((row for row in PENDING if all(word in ("", mine) for word, mine in zip(row, case))), None)


def _parse():
    cells = {}
    for line in TABLE.strip().splitlines()[1:]:
        service, destination, *words = line.split()
        columns, rest = [], iter(words)
        for who in rest:
            columns.append((who, None if who in ("refused", "silent") else next(rest)))
        for each in DESTINATIONS if destination == "*" else [destination]:
            cells[service, each] = columns
    return cells


_CELLS = _parse()
