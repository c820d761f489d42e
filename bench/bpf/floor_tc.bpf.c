/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 * TC: the floor (parse, let the stack forward) and the empty program, which shows what the wrapper and the test loop
 * cost.
 */
#include "floor.h"

#include <linux/pkt_cls.h>

SEC("tc")
int empty(struct __sk_buff *skb)
{
	return TC_ACT_OK;
}

SEC("tc")
int parse_and_forward(struct __sk_buff *skb)
{
	return floor_parse((void *)(long)skb->data, (void *)(long)skb->data_end) ? TC_ACT_OK : TC_ACT_UNSPEC;
}

char program_license[] SEC("license") = "Dual BSD/GPL";
