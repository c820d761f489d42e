# SPDX-License-Identifier: Apache-2.0
"""What load balancers, probes and scrapers ask an agent: health of the proxy and of a service on each node, metrics that count
real traffic, the mode and the configuration."""

import json
import re
import subprocess

import clients
import web
from harness import NODES, Cluster, expect, run_test, wait_for

HEALTH = "10256"
METRICS = "127.0.0.1:10249"
SERVICE_HEALTH = 32321
AUTOSCALER = "ToBeDeletedByClusterAutoscaler"


def ask(cluster, node, url):
    """(status, headers, body) of a GET from within the node's network namespace; status 0: no answer."""
    command = ["nsenter", f"--net=/run/netns/{cluster.name}-{node}", "curl", "-sS", "-g", "-i", "-m", "5", url]
    text = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    head, _, body = text.partition("\n\n")  # text mode reads CRLF as a newline
    status = re.match(r"HTTP/1.1 (\d+)", head)
    return (int(status.group(1)) if status else 0), head, body


def status_of(cluster, node, url):
    return ask(cluster, node, url)[0]


def node_object(taints=()):
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": "n1"},
        "spec": {"taints": [{"key": key, "effect": "NoSchedule"} for key in taints]},
        "status": {"addresses": [{"type": "InternalIP", "address": "172.18.0.11"}]},
    }


def local_service(pods):
    service, *slices = web.objects(pods)
    service["spec"].update(externalTrafficPolicy="Local", healthCheckNodePort=SERVICE_HEALTH)
    return [service, *slices]


def metric(page, name, **labels):
    """The sum of the rows of that name that have these labels."""
    rows = re.findall(rf"^{name}(?:\{{(.*)\}})? (\S+)$", page, re.M)
    wanted = [f'{key}="{value}"' for key, value in labels.items()]
    return sum(float(value) for text, value in rows if all(label in text for label in wanted))


def check_health(cluster):
    for url in (f"http://127.0.0.1:{HEALTH}", f"http://[::1]:{HEALTH}", f"http://172.18.0.11:{HEALTH}"):
        for path in ("healthz", "livez", "readyz"):
            status, head, body = ask(cluster, "n1", f"{url}/{path}")
            expect(status == 200, f"{url}/{path} answers {status}")
            expect("lastUpdated" in json.loads(body) and "application/json" in head, f"{url}/{path} says {head} {body}")
    expect(status_of(cluster, "n2", f"http://127.0.0.1:{HEALTH}/healthz") == 503, "n2 has no Node object and is eligible")
    expect(status_of(cluster, "n2", f"http://127.0.0.1:{HEALTH}/livez") == 200, "n2 is not alive")
    cluster.apply("node.json", [node_object([AUTOSCALER])])
    wait_for(lambda: status_of(cluster, "n1", f"http://127.0.0.1:{HEALTH}/healthz") == 503, "503 while the node goes away")
    expect(status_of(cluster, "n1", f"http://127.0.0.1:{HEALTH}/livez") == 200, "the proxy of a node that goes is alive")


def check_service_health(cluster, pods):
    url = f"http://172.18.0.11:{SERVICE_HEALTH}/"  # where node ports are: on n1's own address; n2 has no Node object
    wait_for(lambda: status_of(cluster, "n1", url) == 200, "n1 has an endpoint and says so")
    expect(status_of(cluster, "n1", f"http://127.0.0.1:{SERVICE_HEALTH}/") == 0, "it is served on loopback, too")
    status, head, body = ask(cluster, "n2", f"http://127.0.0.1:{SERVICE_HEALTH}/")
    expect(status == 503, f"n2 has no endpoint and answers {status}")
    expect("X-Load-Balancing-Endpoint-Weight: 0" in head, f"n2 gives no weight: {head}")
    expect(json.loads(body)["localEndpoints"] == 0, f"n2 says {body}")
    cluster.apply("web.json", local_service([]))
    wait_for(lambda: status_of(cluster, "n1", url) == 503, "503 once the last endpoint is gone")
    web.apply(cluster, pods)
    wait_for(lambda: status_of(cluster, "n1", url) == 0, "the port is closed when the policy no longer asks for it")


def check_metrics(cluster, client):
    url = f"http://{METRICS}/metrics"
    before = ask(cluster, "n1", url)[2]
    outcomes = cluster.run(client, clients.ask, "UDP", web.CLUSTER_IPS[0], web.PORT, 30)
    expect(all(isinstance(outcome, clients.Answer) for outcome in outcomes), f"lost: {outcomes}")
    flows = dict(namespace="default", service="web", port="query")

    def opened():
        return metric(ask(cluster, "n1", url)[2], "waggle_service_new_flows_total", **flows) - metric(
            before, "waggle_service_new_flows_total", **flows)

    wait_for(lambda: opened() == 30, "30 new flows are counted")
    page = ask(cluster, "n1", url)[2]
    for name in ("request", "reply"):
        expect(metric(page, "waggle_service_packets_total", direction=name, **flows) >= 30, f"{name} packets of {page}")
    expect(metric(page, "waggle_services") == 1 and metric(page, "waggle_source_connected") == 1, page)
    expect(metric(page, "kubeproxy_sync_proxy_rules_duration_seconds_count", ip_family="IPv4") >= 1, "no sync counted")
    expect(metric(page, "waggle_table_entries", table="frontends4") >= 4, "frontends4 is not counted")
    expect(metric(page, "waggle_links_attached", program="tc", role="uplink") == 1, "the uplink is not counted")
    expect(metric(page, "process_resident_memory_bytes") > 1e6, "no process metrics")
    mode = ask(cluster, "n1", f"http://{METRICS}/proxyMode")[2]
    expect(mode == "waggle", f"/proxyMode says {mode}")
    expect("kubeproxy.config.k8s.io" in json.loads(ask(cluster, "n1", f"http://{METRICS}/configz")[2]), "/configz")


# Proves: K-95, O-21
def test():
    with Cluster() as cluster:
        pods = [cluster.pod("n1", 2)]
        cluster.apply("node.json", [node_object()])
        web.start(cluster, pods)
        check_metrics(cluster, cluster.pod("n1", 4))
        check_health(cluster)
        cluster.apply("web.json", local_service(pods))
        check_service_health(cluster, pods)
        for node in NODES:
            expect(cluster.agents[node].process.poll() is None, f"the agent of {node} ended")
    return "health, metrics and configuration are served"


run_test(test)
