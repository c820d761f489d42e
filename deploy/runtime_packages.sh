#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The Debian packages with the shared libraries that a program needs, one a line. The image gets just these, whatever
# libraries the program is linked with (deploy/Containerfile).
#
#   runtime_packages.sh PROGRAM
set -eu

program=${1:?runtime_packages.sh: name the program}
libraries=$(ldd "$program" | awk '$2 == "=>" { print $3 }')
for library in $libraries; do
  # Packages name their files below /lib or /usr/lib, whichever way the loader went.
  dpkg-query -S "$library" "/usr$library" "$(readlink -f "$library")" 2>/dev/null | head -n 1 | cut -d: -f1 | grep . || {
    echo "runtime_packages.sh: no Debian package has $library, which $program needs" >&2
    exit 1
  }
done | sort -u
