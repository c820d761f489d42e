# SPDX-License-Identifier: Apache-2.0
"""Services and endpoints by the thousand for benchmarks, their bytes made beforehand, and changes to them at a rate."""

import asyncio
import ipaddress
import itertools
import time

import encoding
from resources import RESOURCES

_CLUSTER_IPS = int(ipaddress.ip_address("10.96.0.0"))
_PODS = int(ipaddress.ip_address("10.128.0.0"))
_CREATED = "2026-01-01T00:00:00Z"


def service(index, namespace):
    address = str(ipaddress.ip_address(_CLUSTER_IPS + 256 + index))
    return {"metadata": {"name": f"svc-{index}", "namespace": namespace, "uid": _uid(1, index),
                         "creationTimestamp": _CREATED},
            "spec": {"ports": [{"name": "http", "protocol": "TCP", "port": 80, "targetPort": 8080}],
                     "selector": {"app": f"svc-{index}"}, "clusterIP": address, "clusterIPs": [address],
                     "type": "ClusterIP", "sessionAffinity": "None", "ipFamilies": ["IPv4"],
                     "ipFamilyPolicy": "SingleStack", "internalTrafficPolicy": "Cluster"},
            "status": {"loadBalancer": {}}}


def endpoint_slice(index, namespace, endpoints, nodes):
    return {"metadata": {"name": f"svc-{index}-0", "generateName": f"svc-{index}-", "namespace": namespace,
                         "uid": _uid(2, index), "generation": 1, "creationTimestamp": _CREATED,
                         "labels": {"endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
                                    "kubernetes.io/service-name": f"svc-{index}"},
                         "ownerReferences": [{"apiVersion": "v1", "kind": "Service", "name": f"svc-{index}",
                                              "uid": _uid(1, index), "controller": True, "blockOwnerDeletion": True}]},
            "addressType": "IPv4",
            "endpoints": [_endpoint(index * endpoints + number, namespace, nodes) for number in range(endpoints)],
            "ports": [{"name": "http", "protocol": "TCP", "port": 8080}]}


def _endpoint(number, namespace, nodes):
    return {"addresses": [str(ipaddress.ip_address(_PODS + 1 + number))],
            "conditions": {"ready": True, "serving": True, "terminating": False},
            "targetRef": {"kind": "Pod", "namespace": namespace, "name": f"pod-{number}", "uid": _uid(3, number)},
            "nodeName": f"n{number % nodes + 1}", "zone": "abc"[number % nodes % 3]}


def _uid(kind, index):
    return f"00000000-0000-4000-8{kind:03}-{index:012x}"


def fill(store, services, endpoints, namespace="bench", nodes=10):
    """Adds the objects as a load does: open watches do not see them. Their bytes in protobuf and JSON are made here, so
    that serving a list of them is one copy.
    """
    version = itertools.count(store.version + 1)
    for name, items in (("services", (service(index, namespace) for index in range(services))),
                        ("endpointslices", (endpoint_slice(index, namespace, endpoints, nodes)
                                            for index in range(services)))):
        made = []
        for item in items:
            item["metadata"]["resourceVersion"] = str(next(version))
            made.append(item)
        store.load(RESOURCES[name], made, store.version)
        for entry in store.tables[name].entries.values():
            entry.json_item()
            entry.protobuf_item()
    return {"services": services, "endpoints": services * endpoints, "version": store.version}


async def churn(store, count, rate, namespace, services, with_times):
    """`count` changes of the generated slices, `rate` a second (0: all at once): each turns the readiness of the slice's
    first endpoint round. The objects and their bytes in protobuf are made before the first one is sent. Times are
    CLOCK_MONOTONIC in nanoseconds, taken before the change goes to the watches; `sent` are those when a watch wrote
    them to its connection.
    """
    table = store.tables["endpointslices"]
    keys = [key for key in table.sorted_keys() if key.startswith(namespace + "/svc-")][:services]
    if not keys:
        raise ValueError(f"namespace {namespace} has no generated slices to change; call generate first")
    changes = _prepared(store, table, itertools.islice(itertools.cycle(keys), count))
    begin = time.monotonic()
    times, made = [], []
    for number, entry in enumerate(changes):
        if rate and (wait := begin + number / rate - time.monotonic()) > 0:
            await asyncio.sleep(wait)
        times.append(time.monotonic_ns())
        made.append(store.publish(entry))
    answer = {"version": store.version, "first": times[0], "last": times[-1]}
    if with_times:
        answer |= {"times": times, "sent": await _sent(table, made)}
    return answer


async def _sent(table, changes):
    """When each was written to a watch; 0 for those that nobody watches."""
    for _ in range(1000):
        if not table.listeners or changes[-1].sent_ns:
            break
        await asyncio.sleep(0.001)
    return [change.sent_ns for change in changes]


def _prepared(store, table, keys):
    latest, changes = {}, []
    for version, key in enumerate(keys, store.version + 1):
        value = latest[key] = _turned(latest.get(key) or table.entries[key].value, version)
        entry = encoding.Encoded(table.resource, value)
        entry.event("MODIFIED", encoding.PROTOBUF)
        changes.append(entry)
    return changes


def _turned(value, version):
    first, *others = value["endpoints"]
    ready = not first["conditions"]["ready"]
    first = {**first, "conditions": {"ready": ready, "serving": ready, "terminating": False}}
    return {**value, "metadata": {**value["metadata"], "resourceVersion": str(version)}, "endpoints": [first, *others]}
