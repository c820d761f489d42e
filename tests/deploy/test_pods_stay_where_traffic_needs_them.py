# SPDX-License-Identifier: Apache-2.0
"""In every form: the pods run on every node whatever its taints, are the last to be evicted, are replaced one after
another and never two on a node, and need no service to start; kube-proxy's label is not theirs unless asked for."""

import yaml
from deployment import configuration, every_form, expect, pod_of, run_test, the_one


def check_pods(name, found):
    daemon_set = the_one(found, "DaemonSet")["spec"]
    update = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}
    expect(daemon_set["updateStrategy"] == update, f"{name}: {daemon_set['updateStrategy']}")
    pod = pod_of(found)
    labels = pod["metadata"]["labels"]
    expect(daemon_set["selector"]["matchLabels"].items() <= labels.items(), f"{name}: the selector does not match {labels}")
    expect("k8s-app" not in labels, f"{name}: {labels}")
    spec = pod["spec"]
    expect(spec["tolerations"] == [{"operator": "Exists"}], f"{name}: {spec['tolerations']}")
    expect(spec["priorityClassName"] == "system-node-critical", f"{name}: {spec['priorityClassName']}")
    expect(spec["dnsPolicy"] == "Default", f"{name}: the cluster's DNS is a service")


def check_api_server(name, found):
    """It is reached by the address in the kubeconfig, never by what a pod is told (a service's address)."""
    proxy = next(yaml.safe_load_all(configuration(found)))
    path = proxy["clientConnection"]["kubeconfig"]
    expect(path == "/etc/waggle/kubeconfig.conf", f"{name}: kubeconfig {path}")
    kubeconfig = yaml.safe_load(configuration(found, "kubeconfig.conf"))
    cluster, user = kubeconfig["clusters"][0]["cluster"], kubeconfig["users"][0]["user"]
    account = "/var/run/secrets/kubernetes.io/serviceaccount"
    expect(cluster["server"].startswith("https://"), f"{name}: {cluster}")
    expect(cluster["certificate-authority"] == f"{account}/ca.crt", f"{name}: {cluster}")
    expect(user == {"tokenFile": f"{account}/token"}, f"{name}: {user}")


def test():
    for name, found in every_form().items():
        check_pods(name, found)
        check_api_server(name, found)
    return "the pods stay"


run_test(test)
