# SPDX-License-Identifier: Apache-2.0
"""Every kind of traffic where an overlay carries the packets between the nodes' pods, and nodes hide their pods from what
is no pod (matrix.py has the table)."""

import matrix_run
from harness import run_test

run_test(lambda: matrix_run.check("vxlan", masquerade=True))
