#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The privileged part of a pod's start, run by the init container of deploy/waggle.yaml: finds the host's cgroup2 root, leaves
# a link to it for the agent (cgroupRoot of its configuration), and does the agent's own set-up (`--init-only`: BPF file
# system, kernel settings, tables, programs).
#
#   prepare-node AGENT-OPTION...
#
# A container's own /sys/fs/cgroup is only its own part of the tree; the host's is mounted at WAGGLE_HOST_CGROUP.
set -eu

host=${WAGGLE_HOST_CGROUP:-/host/sys/fs/cgroup}
link=${WAGGLE_CGROUP_LINK:-/run/waggle/cgroup-root}

# Unified machines have it there, hybrid ones below (often in `unified`).
cgroup2_root() {
  awk -v host="$host" '
    { for (i = 7; i < NF; i++) if ($i == "-") break }
    $(i + 1) == "cgroup2" && ($5 == host || index($5, host "/") == 1) { print $5; exit }
  ' /proc/self/mountinfo
}

root=$(cgroup2_root)
rm -f "$link"
if [ -n "$root" ]; then
  ln -s "$root" "$link"
  echo "prepare-node: the host's cgroup2 root is at $root" >&2
else
  echo "prepare-node: the host has no cgroup2 file system below ${host#/host}: mount one (mount -t cgroup2 cgroup2 DIR)," \
    "or turn socket load balancing off (socketLB of WaggleConfiguration)" >&2
fi
exec waggle agent "$@" --init-only
