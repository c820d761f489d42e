#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A small cluster of network namespaces: two nodes with pods behind veths in the style of Calico, an outside client, and
# a bridge as the fabric between them. Made for the demo, the end-to-end tests and the benchmarks; no namespace has a
# way to the machine's own network.
#
#   cluster.sh up    [--name NAME] [--pods N] [--lb-node n1|n2|both] [--fabric routed|vxlan] [--masquerade]
#   cluster.sh down  [--name NAME]
#   cluster.sh enter [--name NAME] PLACE [COMMAND...]     PLACE: n1, n2, n1-p2 ... (a pod), client, fabric
#
# Addresses: node nN has 172.18.0.1N and fd00:172:18::1N on eth0, and 172.18.0.2N and fd00:172:18::2N beside them; its pod
# pK (K = 2 .. N+1) has 10.244.N.K and fd00:10:244:N::K; the client has 172.18.0.100 and fd00:172:18::100, and routes
# 192.0.2.0/24, 2001:db8:2::/64 (LoadBalancer addresses), 198.51.100.0/24, 2001:db8:51::/64 (external IPs), 10.96.0.0/16
# and fd00:10:96::/112 (ClusterIPs) to --lb-node.
#
# Packets to the other node's pods go there over eth0 (--fabric routed), or by the overlay vxlan.calico, whose addresses
# are 10.244.N.1 and fd00:10:244:N::1 (--fabric vxlan). With --masquerade a node hides its pods behind its own address
# when they talk to whatever is no pod, as most CNIs do. Netfilter tracks every connection of a node, and its table
# `firewall` drops and counts what is in no valid state. Reverse path filtering is strict on the nodes' links.
#
# Every place has a network namespace NAME-PLACE and a cgroup, under which its processes run: NAME.cluster/nN/pK for a
# pod, NAME.cluster/nN/host for processes on a node, NAME.cluster/client. The directory /run/waggle-cluster/NAME holds
# the file `environment` (what is where), manifests, and for each node bpf (a bpffs) and run.
set -euo pipefail

nodes=(n1 n2)
name=${WAGGLE_CLUSTER_NAME:-waggle}
pods=${WAGGLE_CLUSTER_PODS:-5}
lb_node=${WAGGLE_CLUSTER_LB_NODE:-n1}
fabric=routed
masquerade=no
devices=eth0 # of a node, that lead to other machines
pod_mtu=1500
state_root=${WAGGLE_CLUSTER_STATE:-/run/waggle-cluster}
gateway_mac=ee:ee:ee:ee:ee:ee # of every pod link's host side, as Calico does
gateway6=fe80::ecee:eeff:feee:eeee

die() {
  echo "cluster.sh: $*" >&2
  exit 1
}

help() {
  sed -n '7,9s/^# *//p' "$0"
}

wrong_usage() { # WHAT
  echo "cluster.sh: $*" >&2
  help >&2
  exit 2
}

in_netns() { # PLACE COMMAND...
  local place=$1
  shift
  nsenter --net="/run/netns/$name-$place" "$@"
}

cgroup2_mount() {
  awk '{ for (i = 7; i < NF; i++) if ($i == "-" && $(i + 1) == "cgroup2" && $4 == "/") { print $5; exit } }' /proc/self/mountinfo
}

places() {
  local node pod
  echo fabric
  echo client
  for node in "${nodes[@]}"; do
    echo "$node"
    for pod in $(seq 2 $((pods + 1))); do echo "$node-p$pod"; done
  done
}

# --- up ---------------------------------------------------------------------------------------------------------------

# Sysctls come first: interfaces take over the defaults of the moment they are made. What the machine may have set for
# itself is set here for every place. A redirect would take the client to the fabric, away from the node, with an address
# of which some ports are no service's.
sysctls_of() {
  local forwarding=0 rp_filter=0
  case $1 in
    n?) forwarding=1 rp_filter=1 ;;
  esac
  echo net.ipv4.ip_forward=$forwarding net.ipv6.conf.all.forwarding=$forwarding
  echo net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=$rp_filter
  echo net.ipv{4,6}.conf.{all,default}.accept_redirects=0
  echo net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.default.accept_ra=0
}

make_namespaces() {
  local place
  places | sed "s/^/netns add $name-/" | ip -batch -
  for place in $(places); do
    # shellcheck disable=SC2046
    in_netns "$place" sysctl -q -w $(sysctls_of "$place")
    ip -n "$name-$place" link set lo up
  done
}

# The kernel puts off the first carrier change of a link by up to a second (and IPv6 with it) unless the link's index
# differs from its peer's: so the ends in fabric and nodes get indexes that no eth0 has.
make_links() {
  local node pod index=10
  {
    for node in "${nodes[@]}" client; do
      echo "link add to-$node index $((index++)) netns $name-fabric type veth peer name eth0 netns $name-$node"
    done
    for node in "${nodes[@]}"; do
      for pod in $(seq 2 $((pods + 1))); do
        echo "link add cali$node$pod index $((index++)) netns $name-$node address $gateway_mac type veth" \
          "peer name eth0 netns $name-$node-p$pod"
      done
    done
  } | ip -batch -
}

configure_fabric() {
  local port
  {
    echo "link add br0 type bridge forward_delay 0 mcast_snooping 0"
    for port in to-n1 to-n2 to-client; do
      echo "link set $port master br0 up"
    done
    echo "address add 172.18.0.1/24 dev br0"
    echo "address add fd00:172:18::1/64 dev br0 nodad"
    echo "link set br0 up"
  } | ip -n "$name-fabric" -batch -
}

# The second addresses are never a source by themselves: the kernel takes the first of a subnet (IPv4), and no deprecated
# one (IPv6).
node_uplink_lines() { # N
  cat <<END
address add 172.18.0.1$1/24 dev eth0
address add 172.18.0.2$1/24 dev eth0
address add fd00:172:18::1$1/64 dev eth0 nodad
address add fd00:172:18::2$1/64 dev eth0 nodad preferred_lft 0
link set eth0 up
route add default via 172.18.0.1
route add default via fd00:172:18::1
END
}

routed_lines() { # OTHER
  echo "route add 10.244.$1.0/24 via 172.18.0.1$1"
  echo "route add fd00:10:244:$1::/64 via fd00:172:18::1$1"
}

# As Calico lays it out: nothing is learned or asked for, neighbours and tunnel ends are written down.
vxlan_lines() { # N OTHER
  cat <<END
link add vxlan.calico address 66:00:00:00:00:0$1 mtu $pod_mtu type vxlan id 4096 local 172.18.0.1$1 dev eth0 dstport 4789 nolearning
address add 10.244.$1.1/32 dev vxlan.calico
address add fd00:10:244:$1::1/128 dev vxlan.calico nodad
link set vxlan.calico up
neighbour add 10.244.$2.1 lladdr 66:00:00:00:00:0$2 dev vxlan.calico nud permanent
neighbour add fd00:10:244:$2::1 lladdr 66:00:00:00:00:0$2 dev vxlan.calico nud permanent
route add 10.244.$2.0/24 via 10.244.$2.1 dev vxlan.calico onlink
route add fd00:10:244:$2::/64 via fd00:10:244:$2::1 dev vxlan.calico onlink
END
}

configure_node() { # N
  local n=$1 other=$((3 - $1)) k
  {
    node_uplink_lines "$n"
    case $fabric in
      routed) routed_lines "$other" ;;
      vxlan) vxlan_lines "$n" "$other" ;;
    esac
    echo "route add blackhole 10.244.$n.0/24"
    echo "route add blackhole fd00:10:244:$n::/64"
    for k in $(seq 2 $((pods + 1))); do
      echo "link set calin$n$k mtu $pod_mtu up"
      echo "route add 10.244.$n.$k dev calin$n$k scope link"
      echo "route add fd00:10:244:$n::$k dev calin$n$k"
    done
  } | ip -n "$name-n$n" -batch -
  if [ "$fabric" = vxlan ]; then
    bridge -n "$name-n$n" fdb append "66:00:00:00:00:0$other" dev vxlan.calico dst "172.18.0.1$other"
  fi
  firewall_lines | in_netns "n$n" nft -f -
}

# What a node's firewall does with connections that netfilter does not recognize: the tests see to it that there is none.
# Redirects are let out: the kernel sends one for a pod's first packet to itself, whoever translates it, before netfilter
# has confirmed the connection that it quotes.
firewall_lines() {
  local hook redirects="icmp type redirect accept; icmpv6 type nd-redirect accept"
  echo "table inet firewall {"
  for hook in input forward output; do
    echo "counter invalid_$hook {}"
    echo "chain $hook { type filter hook $hook priority 0; $redirects; ct state invalid counter name invalid_$hook drop; }"
  done
  if [ $masquerade = yes ]; then
    cat <<END
chain postrouting {
  type nat hook postrouting priority srcnat
  ip saddr 10.244.0.0/16 ip daddr != 10.244.0.0/16 oifname eth0 masquerade
  ip6 saddr fd00:10:244::/48 ip6 daddr != fd00:10:244::/48 oifname eth0 masquerade
}
END
  fi
  echo "}"
}

configure_pod() { # N K
  ip -n "$name-n$1-p$2" -batch - <<END
address add 10.244.$1.$2/32 dev eth0
address add fd00:10:244:$1::$2/128 dev eth0 nodad
link set eth0 mtu $pod_mtu up
neighbour add 169.254.1.1 lladdr $gateway_mac dev eth0 nud permanent
neighbour add $gateway6 lladdr $gateway_mac dev eth0 nud permanent
route add 169.254.1.1 dev eth0 scope link
route add default via 169.254.1.1 dev eth0
route add default via $gateway6 dev eth0
END
}

configure_client() {
  local via4="via 172.18.0.11" via6="via fd00:172:18::11"
  case $lb_node in
    n2) via4="via 172.18.0.12" via6="via fd00:172:18::12" ;;
    both)
      via4="nexthop via 172.18.0.11 nexthop via 172.18.0.12"
      via6="nexthop via fd00:172:18::11 nexthop via fd00:172:18::12"
      ;;
  esac
  ip -n "$name-client" -batch - <<END
address add 172.18.0.100/24 dev eth0
address add fd00:172:18::100/64 dev eth0 nodad
link set eth0 up
route add 10.244.1.0/24 via 172.18.0.11
route add 10.244.2.0/24 via 172.18.0.12
route add fd00:10:244:1::/64 via fd00:172:18::11
route add fd00:10:244:2::/64 via fd00:172:18::12
END
  {
    printf "route add %s $via4\n" 192.0.2.0/24 198.51.100.0/24 10.96.0.0/16
    printf "route add %s $via6\n" 2001:db8:2::/64 2001:db8:51::/64 fd00:10:96::/112
  } | ip -n "$name-client" -batch -
}

# A veth sends no frame with a finished checksum, and takes no frame from an XDP program unless its peer runs one too.
# Real wires do both: so transmit offloads go off at both ends of every uplink, and the fabric's ends run a program that
# passes.
make_uplinks_like_wires() {
  local place passes=$state/pass_all.o
  for place in "${nodes[@]}" client; do
    in_netns "$place" ethtool -K eth0 tx off >/dev/null
    in_netns fabric ethtool -K "to-$place" tx off >/dev/null
  done
  echo '__attribute__((section("xdp.frags"), used)) int pass_all(void *xdp) { return 2; }' |
    clang -O2 -target bpf -x c -c - -o "$passes"
  for place in "${nodes[@]}" client; do
    in_netns fabric ip link set "to-$place" xdpdrv object "$passes" section xdp.frags
  done
}

make_directories() {
  local node
  mkdir -p "$state/manifests"
  cgroup_root=$(cgroup2_mount)
  if [ -z "$cgroup_root" ]; then
    cgroup_root=$state/cgroup
    mkdir "$cgroup_root"
    mount -t cgroup2 cgroup2 "$cgroup_root"
  fi
  mkdir -p "$cgroup_root/$name.cluster/client" "$cgroup_root/$name.cluster/fabric"
  for node in "${nodes[@]}"; do
    mkdir -p "$cgroup_root/$name.cluster/$node/host"
    (cd "$cgroup_root/$name.cluster/$node" && eval "mkdir p{2..$((pods + 1))}")
    mkdir -p "$state/$node/bpf" "$state/$node/run"
    mount -t bpf bpffs "$state/$node/bpf"
  done
  cat >"$state/environment" <<END
NAME=$name
STATE=$state
CGROUP=$cgroup_root/$name.cluster
PODS=$pods
DEVICES=$devices
END
}

check_up() {
  [ "$(id -u)" -eq 0 ] || die "making network namespaces needs root"
  { [[ $pods =~ ^[0-9]+$ ]] && [ "$pods" -ge 1 ] && [ "$pods" -le 90 ]; } || die "--pods $pods: use a number from 1 to 90"
  [[ $lb_node =~ ^(n1|n2|both)$ ]] || die "--lb-node $lb_node: use n1, n2 or both"
  [[ $fabric =~ ^(routed|vxlan)$ ]] || die "--fabric $fabric: use routed or vxlan"
  { [ ! -e "$state" ] && [ -z "$(namespaces)" ]; } || die "a cluster named $name is already up, or left over; take it down with: $0 down --name $name"
}

up() {
  local n k
  check_up
  if [ "$fabric" = vxlan ]; then devices=eth0,vxlan.calico pod_mtu=1450; fi
  trap 'down; echo "cluster.sh: the cluster could not be made; what was there of it is removed" >&2' EXIT
  make_directories
  make_namespaces
  make_links
  configure_fabric
  for n in 1 2; do
    configure_node "$n"
    for k in $(seq 2 $((pods + 1))); do configure_pod "$n" "$k"; done
  done
  configure_client
  make_uplinks_like_wires
  trap - EXIT
}

# --- down -------------------------------------------------------------------------------------------------------------

# Those of this cluster that exist.
namespaces() {
  find /run/netns -mindepth 1 -maxdepth 1 -regextype posix-extended \
    -regex "/run/netns/$name-(fabric|client|n[12](-p[0-9]+)?)" -printf '%f\n' 2>/dev/null || true
}

# Ends every process in the cluster's cgroup and waits until the kernel says that it is empty.
end_processes() { # CGROUP
  echo 1 >"$1/cgroup.kill"
  for _ in $(seq 100); do
    grep -q '^populated 0' "$1/cgroup.events" && return 0 # in a trap, a bare return would repeat the failure
    sleep 0.05
  done
}

remove_cgroup() {
  local root
  root=$(cgroup2_mount)
  [ -n "$root" ] || root=$state/cgroup
  [ -d "$root/$name.cluster" ] || return 0
  end_processes "$root/$name.cluster"
  find "$root/$name.cluster" -depth -type d -exec rmdir {} \;
}

# Works on whatever is there, also after an `up` that failed half-way.
down() {
  local mounted
  remove_cgroup
  namespaces | sed 's/^/netns delete /' | ip -force -batch -
  for mounted in "$state"/n?/bpf "$state"/cgroup; do
    if mountpoint -q "$mounted"; then umount "$mounted"; fi
  done
  rm -rf --one-file-system "$state"
}

# --- enter ------------------------------------------------------------------------------------------------------------

enter() { # PLACE [COMMAND...]
  [ $# -ge 1 ] || wrong_usage "enter needs a place"
  [ -e "$state/environment" ] || die "no cluster named $name is up; make it with: $0 up --name $name"
  local place=$1 CGROUP='' STATE=''
  shift
  # shellcheck source=/dev/null
  . "$state/environment"
  [ -e "/run/netns/$name-$place" ] || die "cluster $name has no place $place; it has: $(places | paste -s -d ' ')"
  case $place in
    n?)
      echo $$ >"$CGROUP/$place/host/cgroup.procs"
      export WAGGLE_BPF_ROOT=$STATE/$place/bpf WAGGLE_RUN_DIR=$STATE/$place/run # for waggle's commands
      ;;
    *) echo $$ >"$CGROUP/${place/-//}/cgroup.procs" ;;
  esac
  [ $# -gt 0 ] || set -- "${SHELL:-/bin/bash}"
  exec nsenter --net="/run/netns/$name-$place" "$@"
}

# --- main -------------------------------------------------------------------------------------------------------------

[ $# -ge 1 ] || wrong_usage "no command given"
command=$1
shift
case $command in
  up | down | enter) ;;
  -h | --help | help) help && exit 0 ;;
  *) wrong_usage "there is no command $command" ;;
esac
while [ $# -gt 0 ]; do
  case $1 in
    --name | --pods | --lb-node | --fabric) [ -n "${2-}" ] || wrong_usage "$1 needs a value" ;;&
    --name) name=$2 && shift 2 ;;
    --pods) pods=$2 && shift 2 ;;
    --lb-node) lb_node=$2 && shift 2 ;;
    --fabric) fabric=$2 && shift 2 ;;
    --masquerade) masquerade=yes && shift ;;
    -h | --help) help && exit 0 ;;
    -*) wrong_usage "there is no option $1" ;;
    *) break ;;
  esac
done
[[ $name =~ ^[a-z][a-z0-9-]{0,31}$ ]] || die "--name $name: use up to 32 lower-case letters, digits and hyphens"
state=$state_root/$name
[ "$command" = enter ] || [ $# -eq 0 ] || wrong_usage "$command takes no $1"
"$command" "$@"
