/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 * The working memory of the rare steps, which are too deep for the stack, and what the common path hands to them.
 */
#pragma once

#include "lib/select.h"
#include "lib/service.h"
#include "lib/snat.h"

/* Where a packet goes, in terms of its flow. */
struct lb_answer {
	__be32 address[WG_ADDRESS_WORDS]; /* request: the backend; reply: the frontend */
	__be16 port;
	__be16 snat_port;   /* reserved port of SNAT and source port translation */
	__be16 client_port; /* reply: the client's own port */
	__u16 reserved;
	__u32 backend; /* as wg_flow_head.backend */
	__u32 service;
};

/* A flow found by client and backend. */
struct reply_flow {
	struct table_hit hit;
	__be32 frontend[WG_ADDRESS_WORDS]; /* address; the port is in hit.frontend_port */
};

struct lb_scratch {
	struct packet packet; /* in: the packet in hand (lb_scratch_for) */
	struct frontend_hit frontend;
	struct lb_answer answer; /* out: where it goes (lb_open, lb_spilled) */
	struct insert_request flow;
	struct insert_request snat;
	struct table_hit hit;
	struct table_key key;
	struct snat_owner owner;
	struct snat_owner reply_owner; /* whom a reply to a node port is for */
	struct selection chosen;
	struct table_key followed; /* in: whose reservations live on (lb_follow) */
	struct table_hit followed_hit;
	struct reply_flow reply;
	__u32 source;      /* enum detect_source of the packet, where it matters */
	__u32 masquerades; /* lb_choose: policy wants the node's address as source */
	__u32 is_sticky;   /* lb_select: the service has session affinity, and affinity_key says for whom */
	struct wg_affinity_key affinity_key;
	__u32 must_follow; /* lb_reply_in: the reservations in `followed` must follow */
};

/* Working memory of the rare paths, which are too deep for the stack. Each program has its own, and a program does not
 * interrupt itself on a CPU. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct lb_scratch);
} scratch SEC(".maps");

WG_INLINE struct lb_scratch *scratch_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&scratch, &zero);
}

/* What the common path hands to the rare ones goes through the working memory: a pointer to a variable would make the
 * compiler keep that variable on the stack for every packet. */
WG_INLINE struct lb_scratch *lb_scratch_for(const struct packet *packet, const struct frontend_hit *frontend)
{
	struct lb_scratch *work = scratch_get();

	if (work) {
		work->packet = *packet;
		work->frontend = *frontend;
	}
	return work;
}

WG_INLINE void lb_answer_hit(__u32 family, const struct table_hit *hit, struct lb_answer *answer)
{
	copy_address(address_words(family), answer->address, hit->backend_address);
	answer->port = hit->backend_port;
	answer->snat_port = hit->snat_port;
	answer->backend = hit->backend;
}

WG_INLINE void lb_take_answer(__u32 family, const struct lb_scratch *work, struct lb_answer *answer)
{
	copy_address(address_words(family), answer->address, work->answer.address);
	answer->port = work->answer.port;
	answer->snat_port = work->answer.snat_port;
	answer->backend = work->answer.backend;
}
