/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 * Flows that XDP forwards alone: their packets come in by an uplink with XDP and leave by one. What XDP hands over of
 * them (a neighbour that is not known, SCTP, ICMP errors) TC sends on in the same way, both edges at once: netfilter
 * would see half a connection and take it for invalid (ADR 9). Included by tc_lb.bpf.c alone.
 *
 * What only the kernel can do goes through the stack: answer what has no hop left, is larger than the way allows or
 * meets a neighbour that does not answer, put fragments together and cut them smaller.
 */
#pragma once

#include <linux/if_packet.h>

#include "lib/nat_tc.h"
#include "lib/reply.h"
#include "lib/route.h"
#include "lib/show.h"

#define ALONE_TCP_WORDS_OFFSET 12u /* the byte whose upper half counts the header's words */
#define ALONE_UDP_WORDS        (2u << 4)

/* A neighbour that is asked for in vain: so long after the first packet for it the kernel is given the next ones, so
 * that it tells their senders; after so many seconds without a packet all begins anew. */
#define ALONE_PATIENCE_S 1u
#define ALONE_FORGETS_S  10u

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 256);
	__type(key, __be32[WG_ADDRESS_WORDS]); /* where to */
	__type(value, struct wg_wait);
} alone_waits SEC(".maps");

/* The way of one packet. */
struct alone_work {
	__be32 destination[WG_ADDRESS_WORDS]; /* in */
	struct bpf_fib_lookup fib;
	struct bpf_redir_neigh next;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct alone_work);
} alone_scratch SEC(".maps");

/* Did the packet come in where XDP could have forwarded it? Frames that are for others or carry a tag are the kernel's.
 */
WG_GLOBAL int alone_comes_in(struct __sk_buff *skb)
{
	return skb->pkt_type == PACKET_HOST && !skb->vlan_present && link_runs_xdp(skb->ifindex);
}

/* Bytes of the IP packets it leaves as: what GRO has joined is taken apart again. */
WG_INLINE __u32 alone_length(struct __sk_buff *skb, const struct packet *packet)
{
	__u8 words = ALONE_UDP_WORDS;

	if (LIKELY(!skb->gso_size))
		return packet->length;
	if (packet->protocol == WG_PROTOCOL_TCP)
		bpf_skb_load_bytes(skb, packet->l4_offset + ALONE_TCP_WORDS_OFFSET, &words, sizeof(words));
	return packet->l4_offset - packet->l3_offset + (words >> 4) * 4u + skb->gso_size;
}

/* Is it a fragment? For IPv6 any extension header says that it might. */
WG_INLINE int alone_may_be_fragment(__u32 family, struct __sk_buff *skb, const struct packet *packet)
{
	__be16 bits = 0;

	if (family == WG_IPV6)
		return packet->l4_offset != packet->l3_offset + sizeof(struct ipv6hdr);
	bpf_skb_load_bytes(skb, packet->l3_offset + __builtin_offsetof(struct iphdr, frag_off), &bits, sizeof(bits));
	return bits & bpf_htons(IP_FRAGMENT_BITS);
}

/* Has XDP found the way to work->destination since then? */
WG_INLINE int alone_was_found(__u32 family, const struct alone_work *work, __u32 since)
{
	const struct wg_nexthop *entry = nexthop_entry(family, work->destination);

	return entry && same_address(address_words(family), entry->address, work->destination) &&
	       (__s32)(LOAD(entry->resolved) - since) >= 0;
}

/* The neighbour on the way is not known. 1: it has not answered for a while. */
WG_INLINE int alone_waits_in_vain(__u32 family, struct alone_work *work)
{
	struct wg_wait *wait = bpf_map_lookup_elem(&alone_waits, work->destination);
	const __u32 now = bpf_jiffies64();
	const struct wg_wait first = {.since = now, .asked = now};

	if (wait && now - wait->asked < ALONE_FORGETS_S * settings.hz && !alone_was_found(family, work, wait->since)) {
		wait->asked = now;
		return now - wait->since >= ALONE_PATIENCE_S * settings.hz;
	}
	bpf_map_update_elem(&alone_waits, work->destination, &first, BPF_ANY);
	return 0;
}

/* The neighbour is known: whoever waited for it waits no more. */
WG_INLINE void alone_note_known(struct alone_work *work)
{
	if (bpf_map_lookup_elem(&alone_waits, work->destination))
		bpf_map_delete_elem(&alone_waits, work->destination);
}

/* 1: the packet may leave for work->destination, and work->next is who takes it there. */
WG_INLINE int alone_way(__u32 family, struct __sk_buff *skb, const struct packet *packet, struct alone_work *work)
{
	const __u32 length = alone_length(skb, packet);
	struct bpf_fib_lookup *fib = &work->fib;
	int result;

	if (packet->ttl <= 1 || packet->vlan_tags || length > 0xffff || alone_may_be_fragment(family, skb, packet))
		return 0;
	__builtin_memset(fib, 0, sizeof(*fib));
	result = route_ask(skb, packet, work->destination, length, fib);
	if ((result != BPF_FIB_LKUP_RET_SUCCESS && result != BPF_FIB_LKUP_RET_NO_NEIGH) || !link_runs_xdp(fib->ifindex))
		return 0;
	if (result == BPF_FIB_LKUP_RET_SUCCESS)
		alone_note_known(work);
	else if (alone_waits_in_vain(family, work))
		return 0;
	work->next.nh_family = fib->family; /* an IPv4 route may have a gateway that speaks IPv6 */
	__builtin_memcpy(work->next.ipv6_nh, fib->ipv6_dst, sizeof(work->next.ipv6_nh));
	return 1;
}

/* Sends out what is translated. A TC verdict, or a negative reason. */
WG_INLINE int alone_leave(__u32 family, struct __sk_buff *skb, const struct packet *packet, struct alone_work *work)
{
	if (nat_tc_hop(family, skb, packet))
		return -WG_REASON_REWRITE;
	return (int)bpf_redirect_neigh(work->fib.ifindex, &work->next, sizeof(work->next), 0);
}

WG_INLINE struct alone_work *alone_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&alone_scratch, &zero);
}

/* They look up their memory themselves: the callers have no room to keep where it is. */
#define ALONE_STEP(step, suffix, family)                                                                               \
	WG_GLOBAL int step##suffix(struct __sk_buff *skb, struct packet *packet)                                       \
	{                                                                                                              \
		struct alone_work *work = alone_get();                                                                 \
                                                                                                                       \
		return packet && work ? step(family, skb, packet, work) : 0;                                           \
	}
ALONE_STEP(alone_way, 4, WG_IPV4)
ALONE_STEP(alone_way, 6, WG_IPV6)
ALONE_STEP(alone_leave, 4, WG_IPV4)
ALONE_STEP(alone_leave, 6, WG_IPV6)

/* Is there a way to `destination` for a packet that came in by an uplink with XDP? alone_leave takes it. */
WG_INLINE int alone_has_way(__u32 family, struct __sk_buff *skb, struct packet *packet, const __u32 *destination)
{
	struct alone_work *work = alone_get();

	if (!work)
		return 0;
	__builtin_memset(work->destination, 0, sizeof(work->destination));
	copy_address(address_words(family), work->destination, destination);
	return family == WG_IPV4 ? alone_way4(skb, packet) : alone_way6(skb, packet);
}

WG_INLINE int alone_go(__u32 family, struct __sk_buff *skb, struct packet *packet)
{
	return family == WG_IPV4 ? alone_leave4(skb, packet) : alone_leave6(skb, packet);
}

/* A request in work->packet, answered in work->answer, that needs the node's address: both edges at once if it belongs
 * to a flow that XDP forwards alone. 0: it does not, or the kernel must see it. */
WG_INLINE int alone_request(struct __sk_buff *skb, __u32 family, struct lb_scratch *work)
{
	const int is_ipv4 = family == WG_IPV4;
	int result;

	if (!alone_has_way(family, skb, &work->packet, work->answer.address))
		return 0;
	result = is_ipv4 ? show_node4(skb, work) : show_node6(skb, work);
	return result < 0 ? result : alone_go(family, skb, &work->packet);
}

/* What the common path has found out goes into the working memory. */
WG_INLINE int alone_request4(struct __sk_buff *skb, const struct packet *packet, const struct lb_answer *answer)
{
	const struct frontend_hit none = {};
	struct lb_scratch *work = lb_scratch_for(packet, &none);

	if (!work)
		return 0;
	work->answer.address[0] = answer->address[0];
	work->answer.port = answer->port;
	work->answer.snat_port = answer->snat_port;
	work->answer.backend = answer->backend;
	work->answer.service = answer->service;
	return alone_request(skb, WG_IPV4, work);
}

#define ALONE_SHOW_CLIENT(suffix, family)                                                                              \
	WG_GLOBAL int alone_show##suffix(struct __sk_buff *skb, struct lb_scratch *work)                               \
	{                                                                                                              \
		return work ? show_frontend(skb, family, &work->packet, work->reply_owner.address, &work->answer)      \
			    : -WG_REASON_NO_FLOW;                                                                      \
	}
ALONE_SHOW_CLIENT(4, WG_IPV4)
ALONE_SHOW_CLIENT(6, WG_IPV6)

/* A reply for work->reply_owner: both edges at once if its flow is one that XDP forwards alone. 0: it is not, or
 * the kernel must see it. */
WG_INLINE int alone_reply(struct __sk_buff *skb, __u32 family, struct lb_scratch *work)
{
	const int is_ipv4 = family == WG_IPV4;
	int result;

	if (!alone_has_way(family, skb, &work->packet, work->reply_owner.address))
		return 0;
	result = is_ipv4 ? lb_reply_to_owner4(work) : lb_reply_to_owner6(work);
	if (result < 0)
		return -WG_REASON_SNAT_ORPHAN;
	lb_reply_follow(family, work);
	result = is_ipv4 ? alone_show4(skb, work) : alone_show6(skb, work);
	return result < 0 ? result : alone_go(family, skb, &work->packet);
}
