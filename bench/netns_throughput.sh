#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Throughput through the service beside straight to the pod, in a cluster of network namespaces (scripts/cluster.sh) with
# two agents. See bench/README.md.
#
#   netns_throughput.sh [--build DIR] [--rounds N] [--seconds N] [--json]     DIR: a build directory (default: build)
set -euo pipefail
cd "$(dirname "$0")/.."

build=build
options=()
while [ $# -gt 0 ]; do
  case $1 in
    --build) build=${2:?--build needs a directory} && shift 2 ;;
    --rounds | --seconds) options+=("$1" "${2:?$1 needs a number}") && shift 2 ;;
    --json) options+=("$1") && shift ;;
    *) sed -n '6s/^# *//p' "$0" >&2 && exit 2 ;;
  esac
done
for program in "$build/userspace/waggle" "$build/bench/connect_load"; do
  [ -x "$program" ] || { echo "netns_throughput.sh: $program is missing: build it first (ninja -C $build)" >&2 && exit 1; }
done
export WAGGLE_BIN=$PWD/$build/userspace/waggle CONNECT_LOAD=$PWD/$build/bench/connect_load
exec /usr/bin/python3 -B bench/netns_throughput.py "${options[@]}"
