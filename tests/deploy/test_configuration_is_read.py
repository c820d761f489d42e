# SPDX-License-Identifier: Apache-2.0
"""The agent's own decoder reads the configuration of every form, and of a chart with every setting set, knows every
field of it and takes what it says."""

import os
import subprocess
import tempfile

import yaml
from deployment import REPOSITORY, configuration, every_form, expect, rendered, run_test, text_of, waggle

MUCH = {
    "healthz": {"address": "::", "port": 11256},
    "metrics": {"address": "0.0.0.0", "port": 11249},
    "config": {
        "waggle": {
            "devices": ["bond0"], "podInterfaces": ["veth*"], "socketLB": {"tcp": "host", "udp": "off"}, "xdp": "off",
            "tcAttach": "clsact", "snat": {"ports": "57344-65535", "mark": 0x8000}, "flowSlots": 1048576, "logLevel": "warn",
            "metrics": {"enabled": False},
        },
        "kubeProxy": {"mode": "nftables", "conntrack": {"maxPerCore": 1048576}},
    },
}  # fmt: skip


def effective(name, text):
    """The configuration as the agent understands it: both documents, by kind."""
    with tempfile.TemporaryDirectory() as directory:
        given, written = os.path.join(directory, "config.conf"), os.path.join(directory, "effective.yaml")
        with open(given, "w", encoding="utf-8") as file:
            file.write(text)
        words = [waggle(), "agent", f"--config={given}", "--hostname-override=n1", f"--write-config-to={written}"]
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
        expect(done.returncode == 0, f"{name}: {done.stderr}")
        expect("unknown" not in done.stderr and "not known" not in done.stderr, f"{name}: {done.stderr}")
        return {document["kind"]: document for document in yaml.safe_load_all(text_of(written))}


def check_default(name, found):
    said = effective(name, configuration(found))
    own, proxy = said["WaggleConfiguration"], said["KubeProxyConfiguration"]
    expect(own["cgroupRoot"] == "/run/waggle/cgroup-root" and own["devices"] == ["auto"], f"{name}: {own}")
    expect(own["bpfRoot"] == "/sys/fs/bpf" and own["runDir"] == "/run/waggle", f"{name}: not the pod's mounts: {own}")
    addresses = (proxy["healthzBindAddress"], proxy["metricsBindAddress"])
    expect(addresses == ("0.0.0.0:10256", "127.0.0.1:10249"), f"{name}: {addresses}")


def check_much():
    said = effective("a chart with much set", configuration(rendered(MUCH)))
    own, proxy = said["WaggleConfiguration"], said["KubeProxyConfiguration"]
    for field, wanted in MUCH["config"]["waggle"].items():
        if field not in ("snat", "metrics"):
            expect(own[field] == wanted, f"{field} should be {wanted}: {own}")
    expect(own["snat"] == {"mode": "needed", "ports": "57344-65535", "mark": "0x8000"} and own["metrics"]["enabled"] is False, f"{own}")
    expect(proxy["mode"] == "nftables" and proxy["conntrack"]["maxPerCore"] == 1048576, f"{proxy}")
    addresses = (proxy["healthzBindAddress"], proxy["metricsBindAddress"])
    expect(addresses == ("[::]:11256", "0.0.0.0:11249"), f"{addresses}")


def check_documented():
    """The examples in docs/config are read, too."""
    directory = os.path.join(REPOSITORY, "docs", "config")
    for file in sorted(os.listdir(directory)):
        effective(file, text_of(directory, file))


def test():
    for name, found in every_form().items():
        check_default(name, found)
    check_much()
    check_documented()
    return "the agent reads what deploy/ gives it"


run_test(test)
