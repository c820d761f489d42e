// SPDX-License-Identifier: Apache-2.0
// The fields of WaggleConfiguration, their flags, and the flags that no file knows.
#include "daemon/config_settings.h"

#define WAGGLE_PLACE(member) [](Configuration& all) -> ConfigPlace { return &all.member; }

namespace waggle {
namespace {

constexpr Setting kFileSettings[] = {
    {Section::kWaggle, "nodeName", "node-name", "NAME", Use::kHonoured,
     "this node's name, as EndpointSlices spell it; default: the host's, in lower case",
     WAGGLE_PLACE(waggle.node_name)},
    {Section::kWaggle, "manifests", "manifests", "DIR", Use::kHonoured,
     "directory of Services, EndpointSlices, Nodes and ServiceCIDRs in YAML or JSON; default: the Kubernetes API",
     WAGGLE_PLACE(waggle.manifests)},
    {Section::kWaggle, "devices", "devices", "NAME,...", Use::kHonoured,
     "uplinks, by name or glob: outside clients come in here; auto: see docs/configuration.md (auto)",
     WAGGLE_PLACE(waggle.devices)},
    {Section::kWaggle, "podInterfaces", "pod-interfaces", "GLOB,...", Use::kHonoured,
     "host-side links of pods, by name or glob; auto: cali*, veth*, lxc*, eni*, gke*, azv* (auto)",
     WAGGLE_PLACE(waggle.pod_interfaces)},
    {Section::kWaggle, "cgroupRoot", "cgroup-root", "PATH", Use::kHonoured,
     "cgroup2 directory of all pods and node processes (/sys/fs/cgroup)", WAGGLE_PLACE(waggle.cgroup_root)},
    {Section::kWaggle, "bpfRoot", "bpf-root", "PATH", Use::kHonoured,
     "BPF file system for tables and links (/sys/fs/bpf)", WAGGLE_PLACE(waggle.bpf_root)},
    {Section::kWaggle, "runDir", "run-dir", "PATH", Use::kHonoured,
     "directory for status.json, one for each agent of a machine (/run/waggle)", WAGGLE_PLACE(waggle.run_dir)},
    {Section::kWaggle, "socketLB.tcp", "socket-lb-tcp", "all|host|off", Use::kHonoured,
     "whose TCP connections are balanced at the socket (all)", WAGGLE_PLACE(waggle.socket_lb_tcp)},
    {Section::kWaggle, "socketLB.udp", "socket-lb-udp", "all|host|off", Use::kHonoured,
     "the same for UDP (host: only the node's own sockets)", WAGGLE_PLACE(waggle.socket_lb_udp)},
    {Section::kWaggle, "xdp", "xdp", "auto|off", Use::kHonoured, "XDP on uplinks; auto: native, else generic (auto)",
     WAGGLE_PLACE(waggle.xdp)},
    {Section::kWaggle, "tcAttach", "tc-attach", "auto|tcx|clsact", Use::kHonoured,
     "how TC programs are attached; auto: tcx where the kernel has it (auto)", WAGGLE_PLACE(waggle.tc_attach)},
    {Section::kWaggle, "snat.ports", "snat-ports", "MIN-MAX", Use::kHonoured,
     "node ports for SNAT, a power of two of them (61440-65535); the agent adds them to "
     "net.ipv4.ip_local_reserved_ports, so that no socket of the node is given one",
     WAGGLE_PLACE(waggle.snat_ports)},
    {Section::kWaggle, "snat.mark", "snat-mark", "BIT", Use::kHonoured,
     "bit of the packet mark that asks for SNAT (0x4000)", WAGGLE_PLACE(waggle.snat_mark)},
    {Section::kWaggle, "flowSlots", "flow-slots", "N", Use::kHonoured,
     "places for IPv4 flows, a power of two; counts when the tables are made (from memory)",
     WAGGLE_PLACE(waggle.flow_slots)},
    {Section::kWaggle, "logLevel", "log-level", "LEVEL|off", Use::kHonoured, "trace, debug, info, warn or error (info)",
     WAGGLE_PLACE(waggle.log_level)},
    {Section::kWaggle, "healthz.enabled", "", "", Use::kHonoured, "serve /healthz and /livez",
     WAGGLE_PLACE(waggle.healthz_enabled)},
    {Section::kWaggle, "healthz.bindAddress", "", "IP[:PORT]", Use::kHonoured,
     "as healthzBindAddress of KubeProxyConfiguration", WAGGLE_PLACE(waggle.healthz_bind_address)},
    {Section::kWaggle, "metrics.enabled", "", "", Use::kHonoured, "serve /metrics, /proxyMode and /configz",
     WAGGLE_PLACE(waggle.metrics_enabled)},
    {Section::kWaggle, "metrics.bindAddress", "", "IP[:PORT]", Use::kHonoured,
     "as metricsBindAddress of KubeProxyConfiguration", WAGGLE_PLACE(waggle.metrics_bind_address)},
};

constexpr Setting kCommandLineSettings[] = {
    {Section::kCommandLine, "", "config", "FILE", Use::kHonoured,
     "KubeProxyConfiguration and WaggleConfiguration, as YAML or JSON", WAGGLE_PLACE(command_line.config)},
    {Section::kCommandLine, "", "write-config-to", "FILE", Use::kHonoured,
     "write the configuration as it counts, and end", WAGGLE_PLACE(command_line.write_config_to)},
    {Section::kCommandLine, "", "master", "URL", Use::kHonoured, "the API server, instead of the kubeconfig's",
     WAGGLE_PLACE(command_line.master)},
    {Section::kCommandLine, "", "cleanup", "", Use::kHonoured,
     "remove every program, pin and table of Waggle, and end; as `waggle cleanup`", WAGGLE_PLACE(command_line.cleanup)},
    {Section::kCommandLine, "", "init-only", "", Use::kHonoured,
     "do the privileged set-up (kernel settings, tables, programs), and end", WAGGLE_PLACE(command_line.init_only)},
    {Section::kCommandLine, "", "version", "", Use::kHonoured, "print the version", WAGGLE_PLACE(command_line.version)},
    {Section::kCommandLine, "", "help", "", Use::kHonoured, "this text", WAGGLE_PLACE(command_line.help)},
    {Section::kCommandLine, "", "healthz-port", "PORT", Use::kHonoured,
     "port where --healthz-bind-address has none; 0: no server (10256)", WAGGLE_PLACE(command_line.healthz_port)},
    {Section::kCommandLine, "", "metrics-port", "PORT", Use::kHonoured,
     "port where --metrics-bind-address has none (10249)", WAGGLE_PLACE(command_line.metrics_port)},
    {Section::kCommandLine, "", "log-json-info-buffer-size", "SIZE", Use::kIgnored, "of the JSON log",
     WAGGLE_PLACE(command_line.ignored)},
    {Section::kCommandLine, "", "log-json-split-stream", "", Use::kIgnored, "of the JSON log",
     WAGGLE_PLACE(command_line.ignored)},
    {Section::kCommandLine, "", "log-text-info-buffer-size", "SIZE", Use::kIgnored, "of the text log",
     WAGGLE_PLACE(command_line.ignored)},
    {Section::kCommandLine, "", "log-text-split-stream", "", Use::kIgnored, "of the text log",
     WAGGLE_PLACE(command_line.ignored)},
    {Section::kCommandLine, "", "boot-id-file", "FILE", Use::kIgnored, "where the boot's id is read",
     WAGGLE_PLACE(command_line.ignored)},
    {Section::kCommandLine, "", "machine-id-file", "FILE", Use::kIgnored, "where the machine's id is read",
     WAGGLE_PLACE(command_line.ignored)},
};

}  // namespace

std::span<const Setting> waggle_settings() { return kFileSettings; }

std::span<const Setting> command_line_settings() { return kCommandLineSettings; }

}  // namespace waggle
