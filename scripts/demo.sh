#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Shows Waggle at work: installs, builds, makes a cluster of network namespaces, starts an agent on both nodes, applies
# docs/examples/*.yaml, sends real traffic and shows what happened. Removes everything it made, unless told to keep it.
#
#   demo.sh [--keep] [--no-install] [--name NAME]
#
#   --keep        leaves the cluster up and says how to enter it
#   --no-install  installs no packages
#   --name NAME   what the cluster is called (default: waggle-demo)
set -euo pipefail
cd "$(dirname "$0")/.."

help() {
  sed -n '/^#   demo/,/^set/s/^# \{0,3\}//p' "$0"
}

wrong_usage() { # WHAT
  echo "demo.sh: $*" >&2
  help >&2
  exit 2
}

keep=no install=yes name=waggle-demo
while [ $# -gt 0 ]; do
  case $1 in
    --keep) keep=yes ;;
    --no-install) install=no ;;
    --name)
      [ -n "${2-}" ] || wrong_usage "--name needs a value"
      name=$2 && shift
      ;;
    -h | --help) help && exit 0 ;;
    *) wrong_usage "there is no option $1" ;;
  esac
  shift
done

build=${WAGGLE_BUILD_DIR:-build}
waggle=$PWD/$build/userspace/waggle
state=/run/waggle-cluster/$name
log=$(mktemp -d)
if [ -t 1 ]; then bold=$'\e[1m' dim=$'\e[2m' plain=$'\e[0m'; else bold='' dim='' plain=''; fi

# --- words ------------------------------------------------------------------------------------------------------------

title() {
  printf '\n%s%s%s\n' "$bold" "$*" "$plain"
}

show() { # COMMAND...: the command as one would type it, then what it says
  printf '%s$ %s%s\n' "$dim" "$*" "$plain"
  "$@" | sed 's/^/  /'
}

# In a place, without showing how one gets there.
in_place() { # PLACE COMMAND...
  scripts/cluster.sh enter --name "$name" "$@"
}

show_in() { # PLACE COMMAND...
  local place=$1
  shift
  printf '%s%s$ %s%s\n' "$dim" "$place" "$*" "$plain"
  in_place "$place" "$@" | sed 's/^/  /'
}

die() {
  printf '\ndemo.sh: %s\n' "$*" >&2
  exit 1
}

quietly() { # WHAT COMMAND...: its output only if it fails
  local what=$1
  shift
  "$@" >"$log/quiet" 2>&1 || { cat "$log/quiet" >&2 && die "$what failed (its output is above)"; }
}

wait_until() { # SECONDS WHAT COMMAND...
  local end=$((SECONDS + $1)) what=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $end ] || die "$what: not within the time"
    sleep 0.05
  done
}

# --- the cluster ------------------------------------------------------------------------------------------------------

end_demo() {
  local status=$?
  trap - EXIT
  if [ $status -ne 0 ]; then tail -n 15 "$log"/agent-* >&2 2>/dev/null || true; fi
  if [ $status -eq 0 ] && [ $keep = yes ]; then
    print_how_to_enter
  else
    scripts/cluster.sh down --name "$name"
  fi
  if [ $status -ne 0 ] || [ $keep = no ]; then rm -rf "$log"; fi
  exit $status
}

print_how_to_enter() {
  title "The cluster $name stays up"
  cat <<END
  scripts/cluster.sh enter --name $name n1-p5 curl http://10.96.0.80/     a pod asks the web service
  scripts/cluster.sh enter --name $name client curl http://192.0.2.80/    the outside client does
  scripts/cluster.sh enter --name $name n1 $waggle flow list      what node n1 knows
  $log/agent-n1, agent-n2: what the agents say
  scripts/cluster.sh enter --name $name n1                                a shell on node n1
  edit $state/manifests/*.yaml and see what changes
  scripts/cluster.sh down --name $name                                    remove everything
END
}

in_background() { # PLACE COMMAND...: the cluster's cgroup ends it at last
  setsid scripts/cluster.sh enter --name "$name" "$@" </dev/null >>"$log/background" 2>&1 &
  disown
}

start_pods() {
  local pod
  for pod in n1-p2 n2-p2 n2-p3 n1-p4; do
    in_background "$pod" /usr/bin/python3 -B scripts/demo_web_server.py "$pod" 8080
  done
  in_background n2-p4 iperf3 --server
  for pod in n1-p3 n2-p5; do
    in_background "$pod" dnsmasq --no-daemon --conf-file=/dev/null --user=root --pid-file= --no-resolv --no-hosts --bind-interfaces \
      --listen-address="$(address_of "$pod")" --listen-address="$(address6_of "$pod")" --txt-record="who.demo,$pod" \
      --host-record=web.shop.svc.cluster.local,10.96.0.80,fd00:10:96::80
  done
}

address_of() { echo "10.244.${1:1:1}.${1#*p}"; }
address6_of() { echo "fd00:10:244:${1:1:1}::${1#*p}"; }

start_agent() { # NODE
  setsid scripts/cluster.sh enter --name "$name" "$1" "$waggle" agent --manifests "$state/manifests" --node-name "$1" \
    --devices eth0 --pod-interfaces 'cali*' --cgroup-root "$cgroup/$1" --bpf-root "$state/$1/bpf" --run-dir "$state/$1/run" \
    </dev/null >>"$log/agent-$1" 2>&1 &
  agents[$1]=$!
  disown
}

declare -A agents

has_backends() { # NODE SERVICE COUNT: new flows of the service have that many backends to go to
  [ "$(in_place "$1" "$waggle" backend list --service "$2" -o json | grep -c '"active"')" -eq "$3" ]
}

wait_for_backends() { # SERVICE COUNT
  local node
  for node in n1 n2; do
    wait_until 20 "$2 backends of $1 on $node" has_backends "$node" "$1" "$2"
  done
}

# --- traffic ----------------------------------------------------------------------------------------------------------

# Asks COUNT times, each over a connection of its own; one line an answer.
ask_web() { # PLACE URL COUNT
  in_place "$1" curl --silent --max-time 5 --header 'Connection: close' "$2[1-$3]"
}

# How the answers in a file spread over the pods, as bars; fails if there are not COUNT, or one comes from another pod.
show_spread() { # FILE COUNT POD...
  local file=$1 count=$2
  shift 2
  awk -v wanted="$count" -v pods="$*" '
    { answers[$1]++; total++ }
    END {
      n = split(pods, pod, " ")
      for (i = 1; i <= n; i++) {
        bar = ""
        for (j = 0; j < 60 * answers[pod[i]] / wanted; j++) bar = bar "#"
        printf "  %-6s %4d %s\n", pod[i], answers[pod[i]], bar
        known += answers[pod[i]]
        silent += !answers[pod[i]]
      }
      if (total != wanted) { printf "  %d of %d questions were answered\n", total, wanted; exit 1 }
      if (known != total) { printf "  %d answers came from other pods\n", total - known; exit 1 }
      if (silent) { printf "  %d pods never answered\n", silent; exit 1 }
    }' "$file" || die "the answers are not what they should be"
}

show_web() { # WHO PLACE URL COUNT POD...
  local who=$1 place=$2 url=$3 count=$4
  shift 4
  printf '%s: %d connections to %s\n' "$who" "$count" "$url"
  ask_web "$place" "$url" "$count" >"$log/answers" || true
  show_spread "$log/answers" "$count" "$@"
}

show_one_pod() { # WHO PLACE URL: the pod that answers each time
  printf '%s: 20 connections to %s\n' "$1" "$3"
  ask_web "$2" "$3" 20 | sort | uniq -c >"$log/answers" || true
  sed 's/^/  /' "$log/answers"
  [ "$(awk '{ print NR, $1 }' "$log/answers")" = "1 20" ] || die "one pod should answer all of them"
}

show_dig() { # PLACE WANTED OPTION...
  local place=$1 wanted=$2
  shift 2
  printf '%s%s$ dig %s%s\n' "$dim" "$place" "$*" "$plain"
  in_place "$place" dig +short +time=3 +tries=1 "$@" >"$log/dig" || die "dig $* got no answer"
  sed 's/^/  /' "$log/dig"
  grep -qE "$wanted" "$log/dig" || die "dig $* should answer $wanted"
}

show_iperf() { # PLACE ADDRESS
  printf '%s%s$ iperf3 --client %s --time 2%s\n' "$dim" "$1" "$2" "$plain"
  in_place "$1" iperf3 --client "$2" --time 2 >"$log/iperf" || die "iperf3 to $2 failed: $(tail -n 1 "$log/iperf")"
  sed -nE 's/^\[ *[0-9]+\] +(.*(sender|receiver))$/  \1/p' "$log/iperf"
}

show_refusal() { # PLACE URL
  printf '%s%s$ curl %s%s\n' "$dim" "$1" "$2" "$plain"
  if in_place "$1" curl --silent --show-error --max-time 5 "$2" >"$log/curl" 2>&1; then die "$2 should be refused"; fi
  sed 's/^/  /' "$log/curl"
  grep -qi 'refused' "$log/curl" || grep -qi "couldn't connect" "$log/curl" || die "$2 should be refused at once"
}

# A second EndpointSlice with one more pod, as a Deployment that grows by one would cause.
add_backend() {
  local node=n1 pod=n1-p4 family=IPv4 address
  {
    for address in "$(address_of $pod)" "$(address6_of $pod)"; do
      cat <<END
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-grown-${family,,}, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: $family
endpoints:
- {addresses: ["$address"], nodeName: $node, conditions: {ready: true, serving: true, terminating: false}}
ports:
- {name: http, port: 8080, protocol: TCP}
---
END
      family=IPv6
    done
  } >"$state/web-grown.yaml"
  mv "$state/web-grown.yaml" "$state/manifests/"
}

# Prints the pods that answered, once every half second, while a pod keeps asking.
live_load() {
  local i
  for i in 1 2 3 4; do
    ask_web n1-p5 http://10.96.0.80/ 120 >>"$log/live" || true
    tail -n 120 "$log/live" | awk '{ n[$1]++ } END { for (p in n) printf "%s %d\n", p, n[p] }' | sort | paste -sd ' ' | sed "s/^/  /"
    if [ "$i" -eq 1 ]; then echo "  -- n1-p4 is added" && add_backend && wait_for_backends shop/web 8; fi
    if [ "$i" -eq 3 ]; then echo "  -- n1-p4 is removed" && rm "$state/manifests/web-grown.yaml" && wait_for_backends shop/web 6; fi
  done
  [ "$(wc -l <"$log/live")" -eq 480 ] || die "of 480 connections $(wc -l <"$log/live") were answered"
  [ "$(head -n 120 "$log/live" | grep -c n1-p4)" -eq 0 ] || die "n1-p4 answered before it was added"
  [ "$(tail -n 120 "$log/live" | grep -c n1-p4)" -eq 0 ] || die "n1-p4 answered after it was removed"
  grep -q n1-p4 "$log/live" || die "n1-p4 never answered"
  echo "  480 connections, none lost"
}

# --- main -------------------------------------------------------------------------------------------------------------

[ "$(id -u)" -eq 0 ] || die "the demo makes network namespaces and loads BPF programs: run it as root"

if [ $install = yes ]; then
  title "Packages"
  scripts/install_dependencies.sh
  echo "  all there"
fi

title "Build"
launcher=()
if command -v ccache >/dev/null; then
  launcher=(-DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
fi
quietly "configuring the build" cmake -S . -B "$build" -G Ninja "${launcher[@]}"
if [ -t 1 ]; then ninja -C "$build" waggle; else quietly "the build" ninja -C "$build" waggle; fi
echo "  $build/userspace/waggle"

title "A cluster: nodes n1 and n2, 10 pods, a client outside"
scripts/cluster.sh up --name "$name"
trap end_demo EXIT
cgroup=$(sed -n 's/^CGROUP=//p' "$state/environment")
start_pods
cp docs/examples/*.yaml "$state/manifests/"
for node in n1 n2; do start_agent $node; done
wait_for_backends shop/web 6
wait_for_backends shop/basket 6
wait_for_backends kube-system/kube-dns:dns 4
for pod in n1-p2 n2-p2 n2-p3 n1-p4; do
  wait_until 20 "the web server of $pod" in_place client curl --silent "http://$(address_of $pod):8080/"
done
for pod in n1-p3 n2-p5; do
  wait_until 20 "the name server of $pod" in_place client dig +short +time=1 +tries=1 "@$(address_of $pod)" who.demo TXT
done
echo "  agents run on n1 and n2 with the services of docs/examples"

title "Who answers: three pods serve the web, new connections spread over them"
web_pods=(n1-p2 n2-p2 n2-p3)
show_web "a pod, at the socket" n1-p5 http://10.96.0.80/ 300 "${web_pods[@]}"
show_web "a pod, IPv6" n2-p6 "http://[fd00:10:96::80]/" 300 "${web_pods[@]}"
show_web "a process on node n1" n1 http://10.96.0.80/ 150 "${web_pods[@]}"
show_web "the client outside, through node n1 (XDP and TC)" client http://192.0.2.80/ 300 "${web_pods[@]}"
show_web "the client outside, IPv6" client "http://[2001:db8:2::80]/" 300 "${web_pods[@]}"
printf 'what a pod sees of the client outside: its own address if the pod is on the node, else the node\n'
ask_web client http://192.0.2.80/ 60 | sort | uniq -c | sed 's/^/  /'

title "A node port and an external IP, of a service whose clients stay with their pod"
show_one_pod "the client outside, by the port of node n1" client http://172.18.0.11:30085/
show_one_pod "the same client, by the external IP" client http://198.51.100.85/
show_one_pod "the same client, IPv6" client "http://[fd00:172:18::11]:30085/"
show_one_pod "a pod, by the port of node n1" n1-p5 http://172.18.0.11:30085/
show_one_pod "the same pod, by the ClusterIP" n1-p5 http://10.96.0.85/

title "A name server behind a service: UDP from a pod is translated packet by packet"
show_dig n1-p5 '^10\.96\.0\.80$' @10.96.0.10 web.shop.svc.cluster.local
show_dig n1-p5 '^10\.96\.0\.80$' +tcp @10.96.0.10 web.shop.svc.cluster.local
show_dig n2-p6 '^fd00:10:96::80$' @fd00:10:96::10 web.shop.svc.cluster.local AAAA
show_dig n2-p6 '^fd00:10:96::80$' +tcp @fd00:10:96::10 web.shop.svc.cluster.local AAAA
show_dig n1 'n1-p3|n2-p5' @10.96.0.10 who.demo TXT

title "Throughput through a service"
show_iperf n1-p5 10.96.0.52
show_iperf n1-p5 fd00:10:96::52

title "A service without endpoints refuses at once"
show_refusal n1-p5 http://10.96.0.99/

title "A backend is added and removed while a pod keeps asking"
live_load

title "The agent of n1 is killed: what it programmed goes on, the next one takes over"
kill -KILL "${agents[n1]}"
is_gone() { ! kill -0 "$1"; }
wait_until 5 "the end of the agent" is_gone "${agents[n1]}"
show_web "a pod, with no agent" n1-p5 http://10.96.0.80/ 150 "${web_pods[@]}"
show_web "the client outside, with no agent" client http://192.0.2.80/ 150 "${web_pods[@]}"
start_agent n1
agent_is_synced() { # NODE: the agent that was started last
  in_place "$1" "$waggle" status -o json >"$log/status"
  grep -q "\"agent_pid\": ${agents[$1]}\b" "$log/status" && grep -q '"synced": true' "$log/status"
}
wait_until 20 "the new agent of n1" agent_is_synced n1

title "What node n1 knows"
export PATH=${waggle%/*}:$PATH
show_in n1 waggle status
show_in n1 waggle service list
show_in n1 waggle backend list
show_in n1 waggle flow list --limit 8
show_in n1 waggle map dump frontends4

title "Everything shown was as it should be"
