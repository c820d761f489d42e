#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what building, testing and demonstrating Waggle needs on a Debian 12 machine with only the base system and
# git. Asks apt for nothing when every package is there already, so running it again costs nothing.
#
#   install_dependencies.sh [--build]      --build: only what building needs (deploy/Containerfile)
set -euo pipefail

packages=(
  build-essential cmake ninja-build ccache pkg-config clang llvm
  libbpf-dev libelf-dev zlib1g-dev libboost-program-options-dev libfmt-dev libspdlog-dev libyaml-cpp-dev libsimdjson-dev libmnl-dev
  libmicrohttpd-dev libcurl4-openssl-dev
  libexpected-dev
)
more_packages=(
  # tests and checks
  libgtest-dev libgmock-dev libclang-rt-14-dev clang-format clang-tidy shellcheck python3 python3-h2 openssl
  yamllint python3-yaml python3-jsonschema
  # the namespace cluster and its traffic
  iproute2 ethtool procps util-linux nftables iptables curl iperf3 bind9-dnsutils dnsmasq-base
)

die() {
  echo "install_dependencies.sh: $*" >&2
  exit 1
}

case "${1:-}" in
  '') packages+=("${more_packages[@]}") ;;
  --build) ;;
  *) die "unknown option $1; the only one is --build" ;;
esac

missing_packages() {
  dpkg-query -W -f='${db:Status-Status} ${Package}\n' "${packages[@]}" 2>/dev/null |
    awk '$1 == "installed" { print $2 }' | sort -u >"$installed"
  printf '%s\n' "${packages[@]}" | sort -u | comm -23 - "$installed"
}

{ command -v dpkg-query && command -v apt-get; } >/dev/null ||
  die "this machine has no apt; install these Debian packages' equivalents by hand and pass --no-install: ${packages[*]}"
installed=$(mktemp)
log=$(mktemp)
trap 'rm -f "$installed" "$log"' EXIT

mapfile -t missing < <(missing_packages || true)
[ "${#missing[@]}" -eq 0 ] && exit 0
[ "$(id -u)" -eq 0 ] || die "installing ${missing[*]} needs root; run it as root, or install them and pass --no-install"

echo "Installing ${#missing[@]} packages: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
if ! { apt-get update -q && apt-get install -y -q --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
  tail -n 20 "$log" >&2
  die "apt-get could not install ${missing[*]} (its last words are above)"
fi
