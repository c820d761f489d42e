#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Checks who includes whom (docs/architecture.md, section 2): every file of a folder includes only what the table
# allows.
set -euo pipefail
cd "$(dirname "$0")/.."

bad=0

# allow FOLDER HEADER...: the headers (globs) that files of FOLDER may include in quotes or angle brackets, beside their
# own. What no rule is about (the system's and the libraries' headers) is judged by keep_to below.
allow() {
  local folder=$1 file line header pattern allowed
  shift
  [ -d "$folder" ] || return 0
  while IFS=: read -r file line header; do
    allowed=no
    for pattern in "${folder#userspace/}/*" "$@"; do
      # shellcheck disable=SC2053
      [[ $header == $pattern ]] && allowed=yes
    done
    [ $allowed = yes ] && continue
    echo "$file:$line: $folder must not include $header" >&2
    bad=1
  done < <(grep -rnoE --include='*.h' --include='*.c' --include='*.cc' \
    '^#include ["<](base|model|source|node|plan|dataplane|server|daemon|cli|waggle/abi|lib|testing|support)/[^">]+' "$folder" |
    sed -E 's/#include ["<]//')
}

# keep_to HEADER-REGEX FOLDER...: only these folders of userspace/ include such a library's headers.
keep_to() {
  local regex=$1 folder hits
  shift
  hits=$(grep -rnE "^#include <($regex)" userspace || true)
  for folder in "$@"; do hits=$(grep -v "^userspace/$folder/" <<<"$hits" || true); done
  [ -z "$hits" ] && return 0
  printf 'only %s may include this library:\n%s\n' "$*" "$hits" >&2
  bad=1
}

allow userspace/base
allow userspace/model 'base/*'
allow userspace/source 'base/*' 'model/*'
allow userspace/node 'base/*' 'model/*'
allow userspace/server 'base/*' 'model/*'
allow userspace/plan 'base/*' 'model/*' 'waggle/abi/*'
allow userspace/dataplane 'base/*' 'plan/*' 'waggle/abi/*'
# Addresses are printed, so the CLI knows them; it knows no Kubernetes object. `waggle cleanup` removes rules.
allow userspace/cli 'base/*' 'model/address.h' 'node/kube_proxy_rules.h' 'node/reserved_ports.h' 'plan/*' 'dataplane/*' 'waggle/abi/*'
allow userspace/daemon '*'
allow include/waggle/abi 'waggle/abi/*'
allow bpf 'lib/*' 'waggle/abi/*'

keep_to 'bpf/' dataplane
keep_to 'libmnl/' node
keep_to 'microhttpd' server
keep_to 'yaml-cpp/' source cli
keep_to 'curl/' source

exit $bad
