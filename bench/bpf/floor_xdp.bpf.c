/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 * XDP: the floor (parse, swap the MAC addresses, send back) and the empty program, which shows what the wrapper and the
 * test loop cost.
 */
#include "floor.h"

SEC("xdp.frags")
int empty(struct xdp_md *xdp)
{
	return XDP_TX;
}

SEC("xdp.frags")
int parse_and_forward(struct xdp_md *xdp)
{
	void *data = (void *)(long)xdp->data;
	void *end = (void *)(long)xdp->data_end;
	struct ethhdr *ethernet = data;
	__u8 destination[ETH_ALEN];

	if ((void *)(ethernet + 1) > end || !floor_parse(data, end))
		return XDP_PASS;
	__builtin_memcpy(destination, ethernet->h_dest, ETH_ALEN);
	__builtin_memcpy(ethernet->h_dest, ethernet->h_source, ETH_ALEN);
	__builtin_memcpy(ethernet->h_source, destination, ETH_ALEN);
	return XDP_TX;
}

char program_license[] SEC("license") = "Dual BSD/GPL";
