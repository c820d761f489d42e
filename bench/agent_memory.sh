#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Resident memory of the agent with many services. See bench/README.md.
#
#   agent_memory.sh [--build DIR] [--services N] [--endpoints N] [--json]     DIR: a build directory (default: build)
set -euo pipefail
cd "$(dirname "$0")/.."

build=build services=100 endpoints=5 json=no
limit_kb=20480
while [ $# -gt 0 ]; do
  case $1 in
    --build) build=${2:?--build needs a directory} && shift 2 ;;
    --services) services=${2:?--services needs a number} && shift 2 ;;
    --endpoints) endpoints=${2:?--endpoints needs a number} && shift 2 ;;
    --json) json=yes && shift ;;
    *) sed -n '5s/^# *//p' "$0" >&2 && exit 2 ;;
  esac
done
waggle=$PWD/$build/userspace/waggle
[ -x "$waggle" ] || { echo "agent_memory.sh: $waggle is missing: build it first (ninja -C $build)" >&2 && exit 1; }

cluster=bm$$
state=/run/waggle-cluster/$cluster

# One service with both families and its endpoints on both nodes. Spread over 10 000 addresses a family.
manifest_of() { # NUMBER
  local i=$1 e high low
  high=$((i / 250)) low=$((i % 250 + 1))
  cat <<END
---
apiVersion: v1
kind: Service
metadata: {name: service-$i, namespace: default}
spec:
  clusterIP: 10.96.$high.$low
  clusterIPs: [10.96.$high.$low]
  ipFamilies: [IPv4]
  ports: [{name: http, protocol: TCP, port: 80, targetPort: 8080}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: service-$i-1, namespace: default, labels: {kubernetes.io/service-name: service-$i}}
addressType: IPv4
ports: [{name: http, protocol: TCP, port: 8080}]
endpoints:
END
  for e in $(seq "$endpoints"); do
    echo "- {addresses: [10.$((16 + e)).$high.$low], nodeName: n$((e % 2 + 1)), conditions: {ready: true}}"
  done
}

scripts/cluster.sh up --name "$cluster" --pods 2
trap 'scripts/cluster.sh down --name "$cluster"' EXIT
for i in $(seq 0 $((services - 1))); do manifest_of "$i"; done >"$state/manifests/services.yaml"

scripts/cluster.sh enter --name "$cluster" n1 "$waggle" agent --manifests="$state/manifests" --node-name=n1 --devices=eth0 \
  --pod-interfaces='cali*' --cgroup-root="${CGROUP:-$(sed -n 's/^CGROUP=//p' "$state/environment")}/n1" \
  --bpf-root="$state/n1/bpf" --run-dir="$state/n1/run" 2>"$state/agent.log" &
agent=$!

memory() { awk -v field="$1:" '$1 == field { print $2 }' "/proc/$agent/status"; }

synced() { grep -q '"synced": *true' "$state/n1/run/status.json" 2>/dev/null; }
for _ in $(seq 300); do
  synced && break
  kill -0 "$agent" || { cat "$state/agent.log" >&2 && exit 1; }
  sleep 0.1
done
synced || { echo "agent_memory.sh: the agent was not ready within 30 s" >&2 && exit 1; }
rows=$(scripts/cluster.sh enter --name "$cluster" n1 "$waggle" service list | wc -l)
[ "$rows" -ge "$services" ] || { echo "agent_memory.sh: only $rows services are in the tables" >&2 && exit 1; }
sleep 3 # a few sweeps: what they map must be given back

rss=$(memory VmRSS) anonymous=$(memory RssAnon) peak=$(memory VmHWM)
if [ $json = yes ]; then
  echo "{\"services\":$services,\"endpoints\":$endpoints,\"rss_kb\":$rss,\"anonymous_kb\":$anonymous,\"peak_kb\":$peak}"
else
  echo "$services services with $endpoints endpoints each: resident $rss kB (anonymous $anonymous kB), peak $peak kB;" \
    "target $limit_kb kB"
fi
[ "$rss" -le $limit_kb ]
