/* SPDX-License-Identifier: Apache-2.0
 * Stands in for libbpf's header where the BPF sources are compiled natively: maps are plain memory, the clock and the
 * random numbers are the test's. Implemented in tests/native/helpers.c.
 */
#pragma once

#include <linux/bpf.h>
#include <linux/types.h>

#define SEC(name)
#define __uint(name, value) int(*name)[value]
#define __type(name, value) typeof(value)* name

void* bpf_map_lookup_elem(void* map, const void* key);
long bpf_map_update_elem(void* map, const void* key, const void* value, __u64 flags);
long bpf_map_delete_elem(void* map, const void* key);
__u64 bpf_jiffies64(void);
__u32 bpf_get_prandom_u32(void);
long bpf_fib_lookup(void* context, struct bpf_fib_lookup* fib, int size, __u32 flags);
__u64 bpf_xdp_get_buff_len(struct xdp_md* xdp);
long bpf_redirect(__u32 ifindex, __u64 flags);
