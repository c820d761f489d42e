/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 * The wrapper around XDP programs. See wrapper.h.
 */
#include "wrapper.h"

SEC("xdp.frags")
int wrap(struct xdp_md *xdp)
{
	if (wrapper_write((void *)(long)xdp->data, (void *)(long)xdp->data_end))
		bpf_tail_call_static(xdp, &target, 0);
	return XDP_ABORTED;
}

char program_license[] SEC("license") = "Dual BSD/GPL";
