# SPDX-License-Identifier: Apache-2.0
"""The measuring behind netns_throughput.sh: iperf3 and a connect/request/close load, through the service and straight to the
pod in turn (A B A B), and the ratio of the medians. Cluster and agents are those of the end-to-end tests."""

import argparse
import json
import os
import statistics
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "e2e"))

import manifests  # noqa: E402
from harness import Cluster, wait_for  # noqa: E402

CONNECT_LOAD = os.environ["CONNECT_LOAD"]
IPERF_PORT = 5201
LOAD_PORT = 7000
# Straight to the pod: another port, or the server would meet client ports it has in TIME_WAIT from the other way, with
# sequence numbers and timestamps that are not continued.
DIRECT_LOAD_PORT = 7001
SERVICE_NETWORKS = ("10.96.", "192.0.2.")
MOST_CONNECTIONS = 20_000  # of one measurement: a client socket has 28 000 ports
TARGET = 0.95

# Service name -> (ClusterIP, LoadBalancer address); each has one pod.
LOCAL = ("near", "10.96.9.1", "192.0.2.91")
REMOTE = ("far", "10.96.9.2", "192.0.2.92")
PORTS = [("iperf", "TCP", IPERF_PORT), ("load", "TCP", LOAD_PORT)]


def serve(command):
    """In a pod: runs until the cluster goes down. What it says of each client is not the benchmark's output."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.execvp(command[0], command)


def measure_iperf(address, seconds):
    """Megabits a second that arrived."""
    command = ["iperf3", "-J", "-c", address, "-p", str(IPERF_PORT), "-t", str(seconds)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=seconds + 20)
    said = json.loads(done.stdout)
    if "error" in said:
        raise RuntimeError(f"iperf3 to {address}: {said['error']}")
    return said["end"]["sum_received"]["bits_per_second"] / 1e6


def measure_connects(address, seconds):
    """Connections a second."""
    port = LOAD_PORT if address.startswith(SERVICE_NETWORKS) else DIRECT_LOAD_PORT
    command = [CONNECT_LOAD, "ask", address, str(port), str(MOST_CONNECTIONS), str(seconds)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=seconds + 20)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip())
    return float(done.stdout)


MEASURES = (("iperf3", "Mbit/s", measure_iperf), ("connects", "1/s", measure_connects))


def apply_services(cluster, pods):
    objects = []
    for (name, cluster_ip, lb_ip), pod in pods:
        objects.append(manifests.service(name, PORTS, [cluster_ip], [lb_ip]))
        objects.extend(manifests.slices_of_pods(name, [pod], PORTS, ("IPv4",)))
    cluster.apply("bench.json", objects)
    cluster.start_agents()
    for (name, _, _), pod in pods:
        for port_name, _, port in PORTS:
            cluster.wait_for_backends(f"default/{name}:{port_name}", {f"{pod.ipv4}:{port}"})


def start_servers(cluster, pods):
    for _, pod in pods:
        cluster.start(pod, serve, ["iperf3", "-s", "-p", str(IPERF_PORT)])
        for port in (LOAD_PORT, DIRECT_LOAD_PORT):
            cluster.start(pod, serve, [CONNECT_LOAD, "serve", str(port)])
        wait_for(lambda p=pod: listens(cluster, p), f"servers in {pod.name}")


def listens(cluster, pod):
    wanted = {f":{port:04X}" for port in (IPERF_PORT, LOAD_PORT)}
    with open(f"/proc/{cluster.tasks[-1].pid}/net/tcp6", encoding="ascii") as table:
        listening = {line.split()[1][-5:] for line in table if " 0A " in line}
    return wanted <= listening


def cases(cluster, near, far):
    """What is measured: name, where the client runs, the service's address, the pod behind it."""
    # Pods of their own: the server has the ports of either in TIME_WAIT, with timestamps of another destination.
    inside = cluster.pod("n1", 5)
    outside = cluster.client()
    packets = cluster.without_socket_hooks(cluster.pod("n1", 4))
    return [
        ("pod to ClusterIP, TC", packets, REMOTE[1], far),
        ("pod to ClusterIP, TC, pod on the same node", packets, LOCAL[1], near),
        ("pod to ClusterIP, socket hooks", inside, REMOTE[1], far),
        ("outside to LoadBalancer, XDP, pod on the node", outside, LOCAL[2], near),
        ("outside to LoadBalancer, XDP, pod on the other node", outside, REMOTE[2], far),
    ]


def compare(cluster, place, service_ip, pod, measure, options):
    """Medians: through the service, straight to the pod."""
    through, direct = [], []
    for _ in range(options.rounds):
        for address, results in ((service_ip, through), (pod.ipv4, direct)):
            results.append(cluster.run(place, measure, address, options.seconds, timeout=options.seconds + 40))
    return statistics.median(through), statistics.median(direct)


def show(row, as_json):
    if as_json:
        print(json.dumps(row), flush=True)
        return
    verdict = "" if row["ratio"] >= TARGET else f"   below {TARGET}"
    print(f"{row['case']:<52} {row['measure']:<9} {row['through']:>9.0f} {row['direct']:>9.0f} {row['unit']:<7}"
          f"{row['ratio']:>6.3f}{verdict}", flush=True)


def main():
    parser = argparse.ArgumentParser(prog="netns_throughput.sh")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with Cluster() as cluster:
        near, far = cluster.pod("n1", 2), cluster.pod("n2", 2)
        pods = [(LOCAL, near), (REMOTE, far)]
        start_servers(cluster, pods)
        apply_services(cluster, pods)
        for name, place, service_ip, pod in cases(cluster, near, far):
            for measure_name, unit, measure in MEASURES:
                through, direct = compare(cluster, place, service_ip, pod, measure, options)
                show({"case": name, "measure": measure_name, "unit": unit, "through": round(through, 1),
                      "direct": round(direct, 1), "ratio": round(through / direct, 3)}, options.json)


if __name__ == "__main__":
    main()
