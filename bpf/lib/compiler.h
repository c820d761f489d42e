/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 * The few words of compiler and memory ordering that the rest is written in. Compiles natively too (tests/native).
 */
#pragma once

#include <linux/types.h>

#include <bpf/bpf_helpers.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "table words are read in little-endian order");

#define WG_INLINE static inline __attribute__((always_inline))
/* A global function: verified once, on its own, however often it is called. */
#define WG_GLOBAL __attribute__((noinline))

#define LIKELY(x)   __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

/* One load or store that the compiler neither repeats nor splits. */
#define LOAD(x)         (*(const volatile typeof(x) *)&(x))
#define STORE(x, value) (*(volatile typeof(x) *)&(x) = (value))

/* The compiler must take the value as it is: keeps loops rolled and arithmetic free of branches. */
#define OPAQUE(x) asm volatile("" : "+r"(x))

/* What was read from memory before is read again after it, instead of being kept on the stack. */
#define RELOAD() asm volatile("" : : : "memory")

/* Nought, but the processor believes it depends on `value`: orders a later load through an address that contains it
 * after the load of `value` on arm64 (address dependency; a branch would not). On x86 loads stay in order anyway. */
#ifdef __bpf__
#define DEPENDS_ON(value)                                                                                              \
	({                                                                                                             \
		__u64 depends_ = (value);                                                                              \
		asm volatile("%0 &= 0" : "+r"(depends_));                                                              \
		depends_;                                                                                              \
	})
#else
#define DEPENDS_ON(value)                                                                                              \
	({                                                                                                             \
		(void)(value);                                                                                         \
		__atomic_thread_fence(__ATOMIC_ACQUIRE);                                                               \
		0ull;                                                                                                  \
	})
#endif
#define AT(pointer, bytes) ((typeof(pointer))((char *)(pointer) + (bytes)))

/* Address words of a family: a constant wherever the family is one. */
WG_INLINE __u32 address_words(__u32 family)
{
	return family == 0 ? 1 : 4;
}

WG_INLINE void copy_address(__u32 words, __u32 *to, const __u32 *from)
{
#pragma unroll
	for (__u32 i = 0; i < 4; i++)
		if (i < words)
			to[i] = from[i];
}

WG_INLINE int same_address(__u32 words, const __u32 *a, const __u32 *b)
{
	__u32 difference = 0;

#pragma unroll
	for (__u32 i = 0; i < 4; i++)
		if (i < words)
			difference |= a[i] ^ b[i];
	return !difference;
}
