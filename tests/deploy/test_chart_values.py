# SPDX-License-Identifier: Apache-2.0
"""values.schema.json is a schema, takes the defaults, knows the fields that docs/configuration.md lists, and says no to
wrong values with helm as with a validator of JSON schemas; each option does in the rendered objects what its comment
says."""

import json
import re

import jsonschema
import yaml
from deployment import (CHART, REPOSITORY, configuration, container, expect, helm, pod_of, rendered, run_test, text_of,
                        the_one)

HOST = {"apiServer": {"host": "192.0.2.1"}}
# What the chart fixes, because it follows from how the pod is made.
FIXED = {"nodeName", "manifests", "cgroupRoot", "bpfRoot", "runDir", "healthz.bindAddress", "metrics.bindAddress"}
WRONG = (
    {},
    {"apiServer": {"host": ""}},
    {"apiServer": {"host": "https://192.0.2.1"}},
    {"apiServer": {"host": "192.0.2.1", "port": 0}},
    {**HOST, "replicas": 3},
    {**HOST, "image": {"pullPolicy": "Sometimes"}},
    {**HOST, "updateStrategy": {"maxUnavailable": 0}},
    {**HOST, "updateStrategy": {"maxUnavailable": "0%"}},
    {**HOST, "healthz": {"address": "localhost"}},
    {**HOST, "kubeProxyLabel": "yes"},
    {**HOST, "config": {"waggle": {"devcies": ["eth0"]}}},
    {**HOST, "config": {"waggle": {"devices": "eth0"}}},
    {**HOST, "config": {"waggle": {"cgroupRoot": "/sys/fs/cgroup"}}},
    {**HOST, "config": {"waggle": {"socketLB": {"tcp": "maybe"}}}},
    {**HOST, "config": {"waggle": {"healthz": {"enabled": False}}}},
    {**HOST, "config": {"kubeProxy": {"metricsBindAddress": "0.0.0.0:1"}}},
    {**HOST, "config": {"kubeProxy": {"clientConnection": {"kubeconfig": "/x"}}}},
)


def merged(defaults, values):
    """As helm lays values over the chart's."""
    if not (isinstance(defaults, dict) and isinstance(values, dict)):
        return values
    return {**defaults, **{key: merged(defaults.get(key), value) for key, value in values.items()}}


def check_schema(schema, defaults):
    jsonschema.Draft7Validator.check_schema(schema)
    validator = jsonschema.Draft7Validator(schema)
    expect(validator.is_valid(merged(defaults, HOST)), "the default values and an API server do not fit the schema")
    for values in WRONG:
        expect(not validator.is_valid(merged(defaults, values)), f"the schema takes {values}")
        done = helm(values)
        expect(done.returncode != 0 and "schema" in done.stderr, f"helm takes {values}: {done.stderr}")


def fields_of(properties, prefix=""):
    for name, value in properties.items():
        if "properties" in value:
            yield from fields_of(value["properties"], f"{prefix}{name}.")
        else:
            yield prefix + name


def check_fields(schema):
    page = text_of(REPOSITORY, "docs", "configuration.md")
    table = page.split("## WaggleConfiguration", 1)[1].split("\n## ", 1)[0]
    documented = set(re.findall(r"^\| `([A-Za-z0-9.]+)` \|", table, re.MULTILINE))
    known = set(fields_of(schema["definitions"]["waggleConfiguration"]["properties"]))
    wanted = documented - FIXED
    expect(known == wanted, f"the schema and docs/configuration.md differ in {sorted(known ^ wanted)}")


def check_defaults_are_complete(schema, defaults):
    missing = schema["properties"].keys() - defaults.keys() - {"global"}
    expect(not missing, f"values.yaml leaves out {sorted(missing)}")


def check_options():
    pod = pod_of(rendered({"kubeProxyLabel": True, "nodeSelector": {"a": "b"}}))
    expect(pod["metadata"]["labels"]["k8s-app"] == "kube-proxy", f"{pod['metadata']}")
    expect(pod["spec"]["nodeSelector"] == {"kubernetes.io/os": "linux", "a": "b"}, f"{pod['spec']['nodeSelector']}")
    context = container(rendered({"capabilities": {"sysAdmin": True}}), "agent")["securityContext"]
    expect(context["capabilities"]["add"][-1] == "SYS_ADMIN" and "allowPrivilegeEscalation" not in context, f"{context}")
    context = container(rendered({"seccompProfile": "Unconfined"}), "agent")["securityContext"]
    expect(context["seccompProfile"] == {"type": "Unconfined"}, f"{context}")
    image = container(rendered({"image": {"repository": "here/waggle", "tag": "1"}}), "prepare")["image"]
    expect(image == "here/waggle:1", image)
    secrets = the_one(rendered({"imagePullSecrets": [{"name": "s"}]}), "ServiceAccount")["imagePullSecrets"]
    expect(secrets == [{"name": "s"}], f"{secrets}")
    ports = container(rendered({"healthz": {"port": 1}, "metrics": {"port": 2}}), "agent")["ports"]
    expect([port["containerPort"] for port in ports] == [1, 2], f"{ports}")
    kubeconfig = yaml.safe_load(configuration(rendered({"apiServer": {"host": "2001:db8::1", "port": 443}}), "kubeconfig.conf"))
    expect(kubeconfig["clusters"][0]["cluster"]["server"] == "https://[2001:db8::1]:443", f"{kubeconfig}")


def check_pod_monitor():
    refused = helm({**HOST, "podMonitor": {"enabled": True}})
    expect(refused.returncode != 0 and "metrics.address" in refused.stderr, f"metrics on a loopback: {refused.stderr}")
    values = {"podMonitor": {"enabled": True, "labels": {"release": "p"}}, "metrics": {"address": "0.0.0.0"}}
    made = the_one(rendered(values), "PodMonitor")
    expect(made["metadata"]["labels"].pop("release") == "p", "a PodMonitor's label is missing")
    plain = yaml.safe_load(text_of(CHART, "..", "..", "kustomize", "components", "pod-monitor", "pod_monitor.yaml"))
    expect(made == plain, f"the PodMonitors of chart and kustomize differ: {made} and {plain}")


def test():
    schema = json.loads(text_of(CHART, "values.schema.json"))
    defaults = yaml.safe_load(text_of(CHART, "values.yaml"))
    check_schema(schema, defaults)
    check_fields(schema)
    check_defaults_are_complete(schema, defaults)
    check_options()
    check_pod_monitor()
    return f"{len(WRONG)} wrong values refused, every option does what it says"


run_test(test)
