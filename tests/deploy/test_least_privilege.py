# SPDX-License-Identifier: Apache-2.0
"""In every form: one ClusterRoleBinding, to system:node-proxier; an agent that is not privileged and has three
capabilities; only the short init container is privileged; no path of the host but those the agent needs."""

from deployment import container, every_form, expect, pod_of, run_test, the_one

ROLE = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "system:node-proxier"}
SUBJECT = {"kind": "ServiceAccount", "name": "waggle", "namespace": "kube-system"}
HOST_PATHS = {"/sys/fs/bpf", "/sys/fs/cgroup", "/run/waggle"}


def check_rbac(name, found):
    kinds = {one["kind"] for one in found}
    more = kinds & {"ClusterRole", "Role", "RoleBinding", "Secret"}
    expect(not more, f"{name} makes {more}")
    binding = the_one(found, "ClusterRoleBinding")
    expect(binding["roleRef"] == ROLE, f"{name} binds {binding['roleRef']}")
    expect(binding["subjects"] == [SUBJECT], f"{name} binds to {binding['subjects']}")
    account = the_one(found, "ServiceAccount")["metadata"]
    expect(account["name"] == pod_of(found)["spec"]["serviceAccountName"] == SUBJECT["name"], f"{name}: {account}")


def check_containers(name, found):
    spec = pod_of(found)["spec"]
    every = spec["initContainers"] + spec["containers"]
    privileged = [one["name"] for one in every if one["securityContext"].get("privileged")]
    expect(privileged == ["prepare"], f"{name}: privileged are {privileged}")
    expect(all(one["securityContext"]["readOnlyRootFilesystem"] for one in every), f"{name}: a root is writable")
    agent = container(found, "agent")["securityContext"]
    expect(agent["capabilities"] == {"drop": ["ALL"], "add": ["BPF", "NET_ADMIN", "PERFMON"]}, f"{name}: {agent}")
    expect(agent["allowPrivilegeEscalation"] is False, f"{name}: {agent}")
    expect(agent["seccompProfile"] == {"type": "RuntimeDefault"}, f"{name}: {agent}")


def check_host(name, found):
    spec = pod_of(found)["spec"]
    paths = {volume["hostPath"]["path"] for volume in spec["volumes"] if "hostPath" in volume}
    expect(paths == HOST_PATHS, f"{name} mounts {paths} of the host")
    expect(spec["hostNetwork"] and not spec.get("hostPID") and not spec.get("hostIPC"), f"{name}: namespaces of the host")


# Proves: I-06, O-77
def test():
    for name, found in every_form().items():
        check_rbac(name, found)
        check_containers(name, found)
        check_host(name, found)
    return "no right more than needed"


run_test(test)
