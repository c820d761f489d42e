# SPDX-License-Identifier: Apache-2.0
"""--socket-lb-tcp and --socket-lb-udp choose whose sockets are balanced; a pod's other packets are balanced by TC
instead."""

from case import Cluster, clients, expect, flows_of, run_test, web

QUESTIONS = 20
# options -> {protocol: flows that QUESTIONS questions of a pod leave in TC's table}
MODES = (
    ((), {"TCP": 0, "UDP": QUESTIONS}),
    (("--socket-lb-udp=all",), {"TCP": 0, "UDP": 0}),
    (("--socket-lb-tcp=host",), {"TCP": QUESTIONS, "UDP": QUESTIONS}),
    (("--socket-lb-tcp=off", "--socket-lb-udp=off"), {"TCP": QUESTIONS, "UDP": QUESTIONS}),
)


def check_mode(options, flows_wanted):
    with Cluster(pods=3) as cluster:
        backends = [cluster.pod("n1", 2)]
        web.start(cluster, backends, *options)
        pod = cluster.pod("n1", 4)
        for protocol, wanted in flows_wanted.items():
            what = f"{' '.join(options) or 'default'}: {protocol}"
            outcomes = cluster.run(pod, clients.ask, protocol, web.CLUSTER_IPS[0], web.PORT, QUESTIONS)
            web.expect_answers(outcomes, backends, f"{what} of a pod")
            flows = flows_of(cluster, pod, protocol)
            expect(flows == wanted, f"{what}: {QUESTIONS} questions of a pod left {flows} flows, wanted {wanted}")
            if "--socket-lb-tcp=off" not in options:
                outcomes = cluster.run(cluster.node("n1"), clients.ask, protocol, web.CLUSTER_IPS[0], web.PORT, QUESTIONS)
                web.expect_answers(outcomes, backends, f"{what} of the node")


def test():
    for options, flows_wanted in MODES:
        check_mode(options, flows_wanted)
    return "the socket modes all, host and off"


run_test(test)
