/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 * What TC does with packets that nobody serves: reject, answer, or leave them alone. Functions answer a TC verdict or a
 * negative reason, as all steps of tc_lb.bpf.c, which alone includes this.
 */
#pragma once

#include "lib/address.h"
#include "lib/count.h"
#include "lib/echo.h"
#include "lib/reject.h"
#include "lib/work.h"

/* To the sender: out by the link the packet came in, or into the stack if it is the node's own. */
WG_INLINE int refuse_send_back(struct __sk_buff *skb)
{
	return bpf_redirect(skb->ifindex, skb->ingress_ifindex ? 0 : BPF_F_INGRESS);
}

WG_INLINE int reject(__u32 family, struct __sk_buff *skb, const struct packet *packet, __u32 reason)
{
	int result;

	if (!reject_is_allowed())
		return -WG_REASON_REJECT_LIMITED;
	result = reject_build(family, skb, packet);
	if (result < 0)
		return result;
	count_reason(reason);
	return refuse_send_back(skb);
}

WG_INLINE int echo(__u32 family, struct __sk_buff *skb, const struct packet *packet)
{
	const int result = echo_answer(family, skb, packet);

	if (result < 0)
		return result;
	count_reason(WG_REASON_ECHO);
	return refuse_send_back(skb);
}

/* work->packet goes to no frontend: what address_judge says. */
WG_INLINE int judge(__u32 family, struct __sk_buff *skb, struct lb_scratch *work, int otherwise)
{
	const struct packet *packet = &work->packet;
	__u8 icmp_type = 0;

	if (address_is_icmp(packet) && bpf_skb_load_bytes(skb, packet->l4_offset, &icmp_type, sizeof(icmp_type)))
		return otherwise;
	return address_judge(family, packet, icmp_type, &work->frontend, otherwise);
}

#define REFUSE_FAMILY_STEPS(suffix, family)                                                                            \
	WG_GLOBAL int reject##suffix(struct __sk_buff *skb, struct lb_scratch *work, __u32 reason)                     \
	{                                                                                                              \
		return work ? reject(family, skb, &work->packet, reason) : -WG_REASON_REWRITE;                         \
	}                                                                                                              \
	WG_GLOBAL int echo##suffix(struct __sk_buff *skb, struct lb_scratch *work)                                     \
	{                                                                                                              \
		return work ? echo(family, skb, &work->packet) : -WG_REASON_REWRITE;                                   \
	}                                                                                                              \
	WG_GLOBAL int judge##suffix(struct __sk_buff *skb, struct lb_scratch *work, int otherwise)                     \
	{                                                                                                              \
		return work ? judge(family, skb, work, otherwise) : otherwise;                                         \
	}
REFUSE_FAMILY_STEPS(4, WG_IPV4)
REFUSE_FAMILY_STEPS(6, WG_IPV6)

/* The packet in the working memory is refused. */
WG_INLINE int reject_packet(struct __sk_buff *skb, __u32 family, struct lb_scratch *work, __u32 reason)
{
	if (!work)
		return -(int)reason;
	return family == WG_IPV4 ? reject4(skb, work, reason) : reject6(skb, work, reason);
}

/* No frontend takes work->packet: its address may be a service's all the same. otherwise: what it is if not. */
WG_INLINE int no_frontend_in(struct __sk_buff *skb, __u32 family, struct lb_scratch *work, int otherwise)
{
	int result = family == WG_IPV4 ? judge4(skb, work, otherwise) : judge6(skb, work, otherwise);

	if (result == -WG_REASON_UNKNOWN_PORT)
		return reject_packet(skb, family, work, WG_REASON_UNKNOWN_PORT);
	if (result == -WG_REASON_ECHO)
		return family == WG_IPV4 ? echo4(skb, work) : echo6(skb, work);
	return result;
}

WG_INLINE int no_frontend(struct __sk_buff *skb, __u32 family, const struct packet *packet, int otherwise)
{
	const struct frontend_hit none = {};

	return no_frontend_in(skb, family, lb_scratch_for(packet, &none), otherwise);
}

/* A request that could not be served. Opening a flow has left packet and frontend in the working memory. */
WG_INLINE int request_failed(struct __sk_buff *skb, __u32 family, const struct packet *packet, int result)
{
	const struct lb_scratch *work;

	switch (result) {
	case -WG_REASON_NO_ENDPOINTS:
		return reject_packet(skb, family, scratch_get(), WG_REASON_NO_ENDPOINTS);
	case -WG_REASON_UNKNOWN_PORT:
		return no_frontend(skb, family, packet, -WG_REASON_NOT_SERVICE);
	case -WG_REASON_NO_FLOW:
		work = scratch_get();
		return work && work->frontend.kind == WG_FRONTEND_TOMBSTONE ? no_frontend(skb, family, packet, result)
									    : result;
	default:
		return result;
	}
}

/* Neither TCP nor UDP: no frontend has it, but a service address may be meant. */
WG_INLINE int other_protocol(struct __sk_buff *skb, __u32 family, const struct packet *packet)
{
	if (LIKELY(!frontend_gate_open(family, packet->destination) &&
		   !address_is_for_services(family, packet->destination)))
		return -WG_REASON_PROTOCOL;
	return no_frontend(skb, family, packet, -WG_REASON_PROTOCOL);
}
