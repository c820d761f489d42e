/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 * What the stress program and its test share.
 */
#pragma once

#include <linux/types.h>

/* One set a CPU, each on cache lines of its own: counting must not bring the CPUs into step. */
struct stress_counters {
	__u64 operations;
	__u64 requests_found;
	__u64 replies_found;
	__u64 replies_missed; /* the flow was evicted between request and reply: normal */
	__u64 inserted;
	__u64 evicted;
	__u64 found_by_second_look;
	__u64 busy;       /* gave up after three tries */
	__u64 mixed;      /* a lookup answered another flow's translation */
	__u64 duplicates; /* one flow in two slots at one moment */
	__u64 deleted;
} __attribute__((aligned(128)));
#define STRESS_CPUS 2
