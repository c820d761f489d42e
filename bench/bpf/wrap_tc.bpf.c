/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 * The wrapper around TC programs. See wrapper.h.
 */
#include "wrapper.h"

#include <linux/pkt_cls.h>

SEC("tc")
int wrap(struct __sk_buff *skb)
{
	if (wrapper_write((void *)(long)skb->data, (void *)(long)skb->data_end))
		bpf_tail_call_static(skb, &target, 0);
	return TC_ACT_SHOT;
}

char program_license[] SEC("license") = "Dual BSD/GPL";
