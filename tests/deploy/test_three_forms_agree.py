# SPDX-License-Identifier: Apache-2.0
"""waggle.yaml, the kustomize base and the chart with its default values make the same objects: rendered with the real
kubectl and helm, compared field by field. The configuration files inside are compared by what they say, not by how."""

import yaml
from deployment import CHART, PLACEHOLDER, command, every_form, expect, run_test, tool

KINDS = ["ClusterRoleBinding", "ConfigMap", "DaemonSet", "ServiceAccount"]


def comparable(one):
    if one["kind"] != "ConfigMap":
        return one
    return {**one, "data": {name: list(yaml.safe_load_all(text)) for name, text in one["data"].items()}}


def by_kind(all_objects):
    return {one["kind"]: comparable(one) for one in all_objects}


def difference(left, right, path=""):
    """Paths at which two values differ."""
    if isinstance(left, dict) and isinstance(right, dict):
        keys = sorted(left.keys() | right.keys())
        return [found for key in keys for found in difference(left.get(key), right.get(key), f"{path}.{key}")]
    if isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        return [found for i, pair in enumerate(zip(left, right)) for found in difference(*pair, f"{path}[{i}]")]
    return [] if left == right else [f"{path}: {left} and {right}"]


def test():
    forms = every_form()
    for name, found in forms.items():
        expect(sorted(one["kind"] for one in found) == KINDS, f"{name} should make one each of {KINDS}")
    wanted = by_kind(forms["waggle.yaml"])
    for name, found in forms.items():
        different = difference(wanted, by_kind(found))
        expect(not different, f"waggle.yaml and {name} differ: {different}")
    command(tool("helm"), "lint", "--strict", CHART, "--set", f"apiServer.host={PLACEHOLDER}")
    return "three forms, the same objects"


run_test(test)
