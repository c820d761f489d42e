#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what is needed, builds, checks the sources and runs every test; ends with ctest's summary.
#
#   test.sh [--no-install] [--no-check] [--no-sanitize] [--sanitize-only] [CTEST-OPTION...]
#
# Two builds: build/ with g++, which every test runs from, and build-sanitize/ with clang and AddressSanitizer and
# UndefinedBehaviorSanitizer, for the tests that need no kernel (unit, native, golden). Both treat warnings as errors.
# CTEST-OPTION goes to the last run, for instance -L e2e or -R restart.
set -euo pipefail
cd "$(dirname "$0")/.."

install=yes check=yes sanitize=yes all_tests=yes
while [ $# -gt 0 ]; do
  case $1 in
    --no-install) install=no ;;
    --no-check) check=no ;;
    --no-sanitize) sanitize=no ;;
    --sanitize-only) check=no all_tests=no ;;
    -h | --help) sed -n '3,9s/^# \{0,1\}//p' "$0" && exit 0 ;;
    *) break ;;
  esac
  shift
done
failed=()

title() {
  printf '\n=== %s (%d min %02d s since the start)\n' "$1" $((SECONDS / 60)) $((SECONDS % 60))
}

configure() { # DIRECTORY CMAKE-OPTION...
  local directory=$1
  shift
  if command -v ccache >/dev/null; then
    set -- "$@" -DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache
  fi
  cmake -S . -B "$directory" -G Ninja -DCMAKE_COMPILE_WARNING_AS_ERROR=ON --log-level=WARNING "$@" >/dev/null
}

# Those of a build's test programs that need no kernel.
sanitized_targets() {
  ninja -C build-sanitize -t targets all | sed -nE 's/^((unit|native|golden)_[a-z0-9_]+): phony$/\1/p'
}

test_under_sanitizers() {
  local targets
  # -g1: lines are all that a sanitizer's report shows.
  configure build-sanitize -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_FLAGS_DEBUG=-g1 -DWAGGLE_SANITIZE=ON -DCMAKE_C_COMPILER=clang -DCMAKE_CXX_COMPILER=clang++
  mapfile -t targets < <(sanitized_targets)
  ninja -C build-sanitize --quiet "${targets[@]}"
  ctest --test-dir build-sanitize -L '^(unit|native|golden)$' -j "$(nproc)" --output-on-failure --no-tests=error ||
    failed+=("the tests under the sanitizers")
}

if [ $install = yes ]; then
  title "packages"
  scripts/install_dependencies.sh
  # Only what renders the chart comes from npm; where that cannot be reached (status 3), the tests that need it say so.
  # For any other reason that it is missing they fail.
  scripts/install_deploy_tools.sh || { [ $? -ne 3 ] || export WAGGLE_NO_DEPLOY_TOOLS=1; }
fi
if [ $all_tests = yes ]; then
  title "build"
  configure build -DCMAKE_BUILD_TYPE=RelWithDebInfo
  ninja -C build --quiet
fi
if [ $check = yes ]; then
  title "checks of the sources"
  scripts/check.sh --build build || failed+=("scripts/check.sh")
fi
if [ $sanitize = yes ]; then
  title "tests under the sanitizers"
  test_under_sanitizers
fi
if [ $all_tests = yes ]; then
  title "all tests"
  ctest --test-dir build -j "$(nproc)" --output-on-failure --no-tests=error "$@" || failed+=("the tests above")
fi
[ ${#failed[@]} -eq 0 ] && exit 0
printf 'test.sh: failed: %s\n' "${failed[@]}" >&2
exit 1
