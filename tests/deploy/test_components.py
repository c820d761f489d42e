# SPDX-License-Identifier: Apache-2.0
"""Each kustomize component, laid over the base as an overlay would, changes what its name says and nothing else; an
overlay names the API server as base/kustomization.yaml shows."""

import os
import shutil
import tempfile

import yaml
from deployment import BASE, COMPONENTS, configuration, container, expect, kustomized, pod_of, run_test, the_one


def overlay(components=(), more=None):
    """The base with components, built from a copy: kustomize reads nothing outside the overlay by an absolute path."""
    with tempfile.TemporaryDirectory() as directory:
        shutil.copytree(os.path.dirname(BASE), os.path.join(directory, "kustomize"))
        site = os.path.join(directory, "site")
        os.mkdir(site)
        content = {"resources": ["../kustomize/base"], "components": [f"../kustomize/components/{name}" for name in components]}
        for name, text in (more or {}).items():
            with open(os.path.join(site, name), "w", encoding="utf-8") as file:
                file.write(text)
            content["configMapGenerator"] = [
                {"name": "waggle", "namespace": "kube-system", "behavior": "merge", "files": list(more)}
            ]
        with open(os.path.join(site, "kustomization.yaml"), "w", encoding="utf-8") as file:
            yaml.safe_dump(content, file)
        return kustomized(site)


def check(component, change):
    """`change` undoes in the overlay what the component is for; what is left is the base."""
    found = overlay([component])
    change(found)
    expect(found == overlay(), f"component {component} changes more, or less, than it should")


def without_label(found):
    expect(pod_of(found)["metadata"]["labels"].pop("k8s-app", "") == "kube-proxy", "kube-proxy's label is missing")


def without_system_admin(found):
    context = container(found, "agent")["securityContext"]
    expect(context["capabilities"]["add"].pop() == "SYS_ADMIN", f"{context}")
    context["allowPrivilegeEscalation"] = False


def without_selector(found):
    expect(pod_of(found)["spec"]["nodeSelector"].pop("waggle.dev/service-proxy", "") == "true", "the nodeSelector is missing")


def without_unconfined(found):
    context = container(found, "agent")["securityContext"]
    expect(context["seccompProfile"] == {"type": "Unconfined"}, f"{context}")
    context["seccompProfile"] = {"type": "RuntimeDefault"}


def without_monitor(found):
    found.remove(the_one(found, "PodMonitor"))


CHANGES = {
    "kube-proxy-label": without_label,
    "kernel-before-6.6": without_system_admin,
    "labelled-nodes": without_selector,
    "pod-monitor": without_monitor,
    "seccomp-unconfined": without_unconfined,
}


def check_api_server():
    with open(os.path.join(BASE, "kubeconfig.conf"), encoding="utf-8") as file:
        text = file.read().replace("api-server.invalid", "192.0.2.1")
    found = overlay(more={"kubeconfig.conf": text})
    expect(configuration(found, "kubeconfig.conf") == text, "an overlay cannot name the API server")
    expect(configuration(found) == configuration(kustomized()), "an overlay's kubeconfig changes config.conf")


def test():
    expect(sorted(os.listdir(COMPONENTS)) == sorted(CHANGES), "a component has no test")
    for component, change in CHANGES.items():
        check(component, change)
    without = overlay(list(CHANGES))
    for change in CHANGES.values():
        change(without)
    expect(without == overlay(), "components together change more than each alone")
    check_api_server()
    return f"{len(CHANGES)} components"


run_test(test)
