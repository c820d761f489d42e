#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Adds up the stack of every chain of calls in the BPF objects as the oldest supported kernel does (frames rounded up to
32 bytes, 512 in all), so that a change which only newer kernels would load is noticed here.

    check_bpf_stack.py OBJECT...
"""

import re
import subprocess
import sys

LIMIT = 512  # bytes, MAX_BPF_STACK
ROUND = 32  # Linux 6.1 to 6.9; newer ones round to 16 where programs are compiled to machine code


def read_functions(path):
    """Function name -> (bytes of its frame, functions it calls)."""
    listing = subprocess.run(
        ["llvm-objdump", "-dr", "--no-show-raw-insn", path], capture_output=True, text=True, check=True
    ).stdout
    functions = {}
    name = None
    for line in listing.splitlines():
        header = re.match(r"[0-9a-f]+ <(\w+)>:", line)
        if header:
            if not header.group(1).startswith("LBB"):  # else a label inside the function
                name = header.group(1)
                functions[name] = [0, set()]
            continue
        if name is None:
            continue
        for offset in re.findall(r"r10 - (\d+)", line):
            functions[name][0] = max(functions[name][0], int(offset))
        call = re.search(r"R_BPF_64_32\s+(\w+)", line)
        if call:
            functions[name][1].add(call.group(1))
    return functions


def deepest_chain(functions, name):
    frame, callees = functions[name]
    rounded = max(ROUND, -(-frame // ROUND) * ROUND)
    depth, chain = max((deepest_chain(functions, callee) for callee in callees if callee in functions), default=(0, []))
    return rounded + depth, [f"{name} ({frame})"] + chain


def main():
    bad = False
    for path in sys.argv[1:]:
        functions = read_functions(path)
        called = {callee for _, callees in functions.values() for callee in callees}
        for entry in functions.keys() - called:
            depth, chain = deepest_chain(functions, entry)
            if depth > LIMIT:
                print(f"{path}: {depth} bytes of stack, {LIMIT} are allowed: {' -> '.join(chain)}", file=sys.stderr)
                bad = True
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
