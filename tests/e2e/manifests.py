# SPDX-License-Identifier: Apache-2.0
"""Builds the objects that the tests apply, as Kubernetes would hold them, and writes them as JSON files."""

import json
import os


def service(name, ports, cluster_ips, load_balancer_ips=(), namespace="default", **more):
    """ports: [(port name, protocol, port[, node port])]; more: further fields of the spec."""
    spec = {
        "type": "LoadBalancer" if load_balancer_ips else "ClusterIP",
        "clusterIP": cluster_ips[0],
        "clusterIPs": list(cluster_ips),
        "ipFamilies": [family(address) for address in cluster_ips],
        "ports": [dict(zip(("name", "protocol", "port", "nodePort"), port)) for port in ports],
        **more,
    }
    ingress = [{"ip": address, "ipMode": "VIP"} for address in load_balancer_ips]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
        "status": {"loadBalancer": {"ingress": ingress}},
    }


def node(place, addresses=None, labels=None):
    """The Node object of a Place that is a node."""
    addresses = addresses or (place.ipv4, place.ipv6)
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": place.node, "labels": labels or {}},
        "status": {"addresses": [{"type": "InternalIP", "address": address} for address in addresses]},
    }


def family(address):
    return "IPv6" if ":" in address else "IPv4"


def endpoint(address, node=None, ready=True, serving=None, terminating=False):
    conditions = {"ready": ready, "serving": ready if serving is None else serving, "terminating": terminating}
    result = {"addresses": [address], "conditions": conditions}
    if node:
        result["nodeName"] = node
    return result


def pod_endpoint(pod, address_family="IPv4", **conditions):
    """Of a Place that is a pod."""
    return endpoint(pod.ipv6 if address_family == "IPv6" else pod.ipv4, pod.node, **conditions)


def endpoint_slice(service_name, endpoints, ports, suffix="1", namespace="default"):
    """ports: [(port name, protocol, port number of the pods)]. The family is that of the endpoints."""
    address_type = family(endpoints[0]["addresses"][0]) if endpoints else "IPv4"
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": f"{service_name}-{address_type.lower()}-{suffix}",
            "namespace": namespace,
            "labels": {"kubernetes.io/service-name": service_name},
        },
        "addressType": address_type,
        "endpoints": endpoints,
        "ports": [{"name": n, "protocol": protocol, "port": port} for n, protocol, port in ports],
    }


def slices_of_pods(service_name, pods, ports, families=("IPv4", "IPv6")):
    """One slice a family."""
    return [endpoint_slice(service_name, [pod_endpoint(p, f) for p in pods], ports) for f in families if pods]


def write_atomically(directory, file_name, objects, scratch):
    """The agents read the file as a whole or not at all: it is written in `scratch` (same file system) and moved."""
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)}, indent=1)
    write_text_atomically(directory, file_name, text, scratch)


def write_text_atomically(directory, file_name, text, scratch):
    temporary = os.path.join(scratch, file_name)
    with open(temporary, "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(temporary, os.path.join(directory, file_name))
