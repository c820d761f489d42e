# SPDX-License-Identifier: Apache-2.0
"""Every kind of traffic on a fabric that routes the pods' addresses (matrix.py has the table)."""

import matrix_run
from harness import run_test

# Proves: I-80, K-01, K-02, K-03, K-05, K-12, K-15, K-16, K-17, K-18, K-21, K-22, K-23, K-24, K-27, K-28, K-30, K-31, K-32, K-34,
# K-46, K-47
run_test(lambda: matrix_run.check("routed"))
