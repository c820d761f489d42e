# SPDX-License-Identifier: Apache-2.0
"""Every kind of traffic on a fabric that routes the pods' addresses (matrix.py has the table)."""

import matrix_run
from harness import run_test

# Proves: I-80, K-01, K-12, K-15, K-16, K-17, K-28, K-32, K-34
run_test(lambda: matrix_run.check("routed"))
