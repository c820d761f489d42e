/* SPDX-License-Identifier: Apache-2.0
 * What natively compiled BPF code takes for the kernel, as the tests steer it. One world, reset by each test; single
 * threaded.
 */
#pragma once

#include <linux/bpf.h>
#include <linux/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Declares a map variable to be an array of zeroed elements; a hash is a small set without limit. */
void native_make_array(void* map, __u32 value_size, __u32 entries);
void native_make_hash(void* map, __u32 key_size, __u32 value_size);
__u32 native_hash_size(void* map);
/* Forgets every map, resets clock and random numbers. */
void native_reset(__u32 seed);

void native_set_jiffies(__u64 jiffies);
/* Called before every map lookup: where another CPU may come in between. Not called from inside itself. */
void native_on_lookup(void (*visit)(void* context), void* context);
/* What bpf_fib_lookup answers: a BPF_FIB_LKUP_RET_* code, and `answer` copied over the question's result fields. */
void native_set_route(long code, const struct bpf_fib_lookup* answer);

#ifdef __cplusplus
}
#endif
