#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Reads the sources without running them: format, layers, shell and Python scripts, clang-tidy. Says everything that is
# wrong and exits 1 if anything is.
#
#   check.sh [--build DIR]      DIR: a configured build directory, for clang-tidy's compile commands (default: build)
# shellcheck disable=SC2317 # the checks are called through step
set -euo pipefail
cd "$(dirname "$0")/.."

build=build
if [ "${1:-}" = --build ]; then build=${2:?--build needs a directory}; fi
bad=0

step() { # NAME COMMAND...
  local name=$1 start=$SECONDS
  shift
  if "$@"; then
    echo "check: $name: fine ($((SECONDS - start)) s)"
  else
    echo "check: $name: see above" >&2
    bad=1
  fi
}

sources() { # PATHSPEC...: tracked and new files, none that git ignores
  git ls-files -z --cached --others --exclude-standard -- "$@" | while IFS= read -rd '' file; do
    if [ -e "$file" ]; then printf '%s\0' "$file"; fi
  done
}

check_format() {
  sources '*.h' '*.c' '*.cc' | xargs -0r clang-format --dry-run -Werror
}

check_shell() {
  sources '*.sh' .ci/run | xargs -0r shellcheck
}

check_python() {
  sources '*.py' | xargs -0r /usr/bin/python3 -c '
import sys
for name in sys.argv[1:]:
    with open(name, encoding="utf-8") as file:
        compile(file.read(), name, "exec")
'
}

# One line of licence at the top of every source file.
check_licence() {
  local file bad_files=0
  while IFS= read -rd '' file; do
    head -n 3 "$file" | grep -q 'SPDX-License-Identifier: ' && continue
    echo "$file: the licence line (SPDX-License-Identifier) is missing at its top" >&2
    bad_files=1
  done < <(sources '*.h' '*.c' '*.cc' '*.sh' '*.py')
  return "$bad_files"
}

tidy() {
  if [ ! -e "$build/compile_commands.json" ]; then
    echo "$build/compile_commands.json is missing: configure a build first (cmake -S . -B $build)" >&2
    return 1
  fi
  # clang-tidy counts the system headers' suppressed warnings on stderr; what it finds goes to stdout.
  sources 'userspace/*.cc' | xargs -0r -n 1 -P "$(nproc)" clang-tidy --quiet -p "$build" \
    --extra-arg=-Wno-unknown-warning-option 2> >(grep -v 'warnings\? generated' >&2)
}

check_stack() {
  scripts/check_bpf_stack.py "$build"/bpf/*.bpf.o
}

step "format" check_format
step "licence lines" check_licence
step "layers" scripts/check_includes.sh
step "conformance" scripts/conformance.py --check
step "shell scripts" check_shell
step "Python" check_python
step "BPF stack" check_stack
step "clang-tidy" tidy
exit $bad
