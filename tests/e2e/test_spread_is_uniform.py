# SPDX-License-Identifier: Apache-2.0
"""New flows spread uniformly over the backends, both where TC chooses and where the socket hook does.

A right program fails one run in a million; a backend that gets 12 % too much or too little is noticed.
"""

import clients
import web
from harness import Cluster, expect, run_test

QUESTIONS = 4000
CHI_SQUARE_LIMIT = 30.7  # 3 degrees of freedom, p = 1e-6


def chi_square(counts, categories):
    expected = sum(counts.values()) / categories
    return sum((count - expected) ** 2 for count in counts.values()) / expected


def expect_uniform(cluster, place, protocol, backends, what):
    outcomes = cluster.run(place, clients.ask, protocol, web.CLUSTER_IPS[0], web.PORT, QUESTIONS, timeout=120)
    web.expect_all_used(outcomes, backends, what)
    counts = clients.pods_of(outcomes)
    value = chi_square(counts, len(backends))
    print(f"{what}: {dict(sorted(counts.items()))}, chi-square {value:.1f}")
    expect(value < CHI_SQUARE_LIMIT, f"{what}: {dict(counts)} is not uniform: chi-square {value:.1f} > {CHI_SQUARE_LIMIT}")


# Proves: I-86
def test():
    with Cluster() as cluster:
        backends = [cluster.pod("n1", 2), cluster.pod("n1", 3), cluster.pod("n2", 2), cluster.pod("n2", 3)]
        web.start(cluster, backends)
        expect_uniform(cluster, cluster.pod("n1", 4), "UDP", backends, "UDP of a pod (TC)")
        expect_uniform(cluster, cluster.pod("n1", 4), "TCP", backends, "TCP of a pod (socket)")
    return f"{QUESTIONS} new flows spread uniformly over 4 backends"


run_test(test)
