/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 * TC on every client edge and backend edge: pods' host-side links and uplinks. Ingress is where clients' packets enter
 * (destination -> backend) and where replies to a node port of ours arrive (destination -> client). Egress is where
 * replies leave toward clients (source -> frontend) and where marked packets leave toward backends (source -> node
 * address).
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#define WG_THIS_HOOK WG_HOOK_TC
typedef struct __sk_buff wg_context;
#define WG_CONTEXT_IFINDEX(context) ((context)->ifindex)
#define WG_ASKS_CONNTRACK

#include "lib/alone.h"
#include "lib/direct.h"
#include "lib/fragment.h"
#include "lib/host.h"
#include "lib/icmp.h"
#include "lib/nat_tc.h"
#include "lib/refuse.h"
#include "lib/reply.h"
#include "lib/show.h"

/* All steps answer CONTINUE, a TC verdict above it, or a negative reason. */
#define CONTINUE 0
/* Headers that are not in the linear part are pulled in: Ethernet, IPv6 and TCP with room for options. */
#define TC_PULL_BYTES 128u

/* Is there a flow behind a reply that lb_unsnat has translated? Its client edge will look for it. */
static __always_inline int has_flow(__u32 family, struct lb_scratch *work)
{
	const struct packet *packet = &work->packet;
	const struct snat_owner *owner = &work->reply_owner;
	struct wg_flow_head *head;

	reply_key(family, owner->address, owner->port, packet->source, packet->source_port, &work->key);
	return reply_find(family, packet->protocol, &work->key, &work->reply, &head);
}

/* Backend edge: a reply to a node port goes on to its client. */
static __always_inline int unsnat(__u32 family, struct __sk_buff *skb, const struct lb_scratch *work)
{
	const struct packet *packet = &work->packet;
	const struct snat_owner *owner = &work->reply_owner;
	struct rewrite rewrite;
	int result;

	rewrite_nothing(family, packet, &rewrite);
	copy_address(address_words(family), rewrite.destination, owner->address);
	rewrite.destination_port = owner->port;
	result = nat_tc(family, skb, packet, &rewrite);
	return result < 0 ? result : CONTINUE;
}

/* Client edge: a request goes to its backend. */
static __always_inline int follow_answer(struct __sk_buff *skb, __u32 family, const struct packet *packet,
					 const struct lb_answer *answer)
{
	struct rewrite rewrite;
	int result;

	rewrite_nothing(family, packet, &rewrite);
	copy_address(address_words(family), rewrite.destination, answer->address);
	rewrite.destination_port = answer->port;
	if (UNLIKELY(answer->backend & WG_FLOW_SOURCE_PORT))
		rewrite.source_port = answer->snat_port;
	if (answer->backend & WG_FLOW_SNAT)
		skb->mark |= settings.snat_mark;
	count_request(answer->service, packet->length);
	result = nat_tc(family, skb, packet, &rewrite);
	return result < 0 ? result : CONTINUE;
}

static __always_inline int request4(struct __sk_buff *skb, const struct packet *packet)
{
	struct lb_answer answer = {};
	int result = lb_request4(skb, packet, &answer);

	if (result < 0)
		return result;
	if (UNLIKELY(answer.backend & WG_FLOW_SNAT) && alone_comes_in(skb)) {
		result = alone_request4(skb, packet, &answer);
		if (result != CONTINUE)
			return result;
	}
	return follow_answer(skb, WG_IPV4, packet, &answer);
}

WG_GLOBAL int follow_answer6(struct __sk_buff *skb, struct lb_scratch *work)
{
	return work ? follow_answer(skb, WG_IPV6, &work->packet, &work->answer) : CONTINUE;
}

static __always_inline int request6(struct __sk_buff *skb, const struct packet *packet)
{
	struct lb_scratch *work = 0;
	int result = lb_request6(skb, packet, &work);

	if (result < 0)
		return result;
	if (work && UNLIKELY(work->answer.backend & WG_FLOW_SNAT) && alone_comes_in(skb)) {
		result = alone_request(skb, WG_IPV6, work);
		if (result != CONTINUE)
			return result;
	}
	return follow_answer6(skb, work);
}

static __always_inline int reply4(struct __sk_buff *skb, const struct packet *packet)
{
	struct lb_answer answer = {};
	int result = lb_reply4(packet, &answer);

	return result < 0 ? result : show_frontend(skb, WG_IPV4, packet, packet->destination, &answer);
}

WG_GLOBAL int show_frontend6(struct __sk_buff *skb, struct lb_scratch *work)
{
	return work ? show_frontend(skb, WG_IPV6, &work->packet, work->packet.destination, &work->answer) : CONTINUE;
}

static __always_inline int reply6(struct __sk_buff *skb, const struct packet *packet)
{
	const struct frontend_hit none = {};
	struct lb_scratch *work = lb_scratch_for(packet, &none);
	int result = lb_reply6(packet, work);

	lb_reply_follow(WG_IPV6, work);
	return result < 0 ? result : show_frontend6(skb, work);
}

/* Backend edge: a marked request takes the node's address. Its flow: work->reply. */
static __always_inline int snat_flow(__u32 family, struct lb_scratch *work)
{
	const struct packet *packet = &work->packet;
	struct wg_flow_head *head;

	reply_key(family, packet->source, packet->source_port, packet->destination, packet->destination_port,
		  &work->key);
	return reply_find(family, packet->protocol, &work->key, &work->reply, &head) &&
	       work->reply.hit.backend & WG_FLOW_SNAT;
}

static __always_inline int snat_write(__u32 family, struct __sk_buff *skb, const struct lb_scratch *work)
{
	const struct packet *packet = &work->packet;
	const struct table_hit *hit = &work->reply.hit;
	struct wg_control *state = control_get();
	struct rewrite rewrite;
	int result;

	if (!state)
		return -WG_REASON_NO_FLOW;
	rewrite_nothing(family, packet, &rewrite);
	copy_address(address_words(family), rewrite.source,
		     snat_address(family, state, hit->backend >> WG_FLOW_SNAT_ADDRESS_SHIFT));
	rewrite.source_port = hit->snat_port;
	skb->mark &= ~settings.snat_mark;
	result = nat_tc(family, skb, packet, &rewrite);
	return result < 0 ? result : CONTINUE;
}

/* The rarer steps, one function a family: each is verified once, and none keeps its variables on the stack of another.
 * They work on the copy of the packet in the working memory. */
#define TC_FAMILY_STEPS(suffix, family)                                                                                \
	WG_GLOBAL int snat_flow##suffix(struct lb_scratch *work)                                                       \
	{                                                                                                              \
		return work && snat_flow(family, work);                                                                \
	}                                                                                                              \
	WG_GLOBAL int snat_write##suffix(struct __sk_buff *skb, struct lb_scratch *work)                               \
	{                                                                                                              \
		return work ? snat_write(family, skb, work) : CONTINUE;                                                \
	}                                                                                                              \
	WG_GLOBAL int has_flow##suffix(struct lb_scratch *work)                                                        \
	{                                                                                                              \
		return work && has_flow(family, work);                                                                 \
	}                                                                                                              \
	WG_GLOBAL int unsnat##suffix(struct __sk_buff *skb, struct lb_scratch *work)                                   \
	{                                                                                                              \
		return work ? unsnat(family, skb, work) : CONTINUE;                                                    \
	}
TC_FAMILY_STEPS(4, WG_IPV4)
TC_FAMILY_STEPS(6, WG_IPV6)

/* The one exit: counts why, and drops what must not go on. */
static __always_inline int verdict(int result)
{
	const __u32 reason = -result;

	if (LIKELY(result == CONTINUE))
		return TC_ACT_UNSPEC; /* the next program, then the stack: the same number as TCX_NEXT */
	if (result > CONTINUE)
		return result;
	count_reason(reason);
	switch (reason) {
	case WG_REASON_NO_LOCAL_ENDPOINTS:
	case WG_REASON_SOURCE_RANGE:
	case WG_REASON_UNALLOCATED:
	case WG_REASON_FRAGMENT_LOST:
	case WG_REASON_REJECT_LIMITED:
	case WG_REASON_TABLE_BUSY:
	case WG_REASON_SNAT_PORTS:
	case WG_REASON_SNAT_ADDRESS:
	case WG_REASON_SNAT_ORPHAN:
	case WG_REASON_REWRITE:
		return TC_ACT_SHOT;
	default:
		return TC_ACT_UNSPEC;
	}
}

/* A packet to a port of the range that is ours: a reply to a node port, perhaps. */
static __always_inline int reply_to_node(struct __sk_buff *skb, const struct packet *packet)
{
	const struct frontend_hit none = {};
	const int is_ipv4 = packet->family == WG_IPV4;
	struct lb_scratch *work = lb_scratch_for(packet, &none);
	int result;

	if (!work)
		return -WG_REASON_NOT_SERVICE;
	result = is_ipv4 ? lb_unsnat4(work) : lb_unsnat6(work);
	if (result < 0)
		return result;
	if (result == LB_OF_ITSELF)
		return host_reply(skb, packet->family, work);
	if (alone_comes_in(skb)) {
		result = alone_reply(skb, packet->family, work);
		if (result != CONTINUE)
			return result;
	}
	if (!(is_ipv4 ? has_flow4(work) : has_flow6(work)))
		return -WG_REASON_SNAT_ORPHAN;
	if (UNLIKELY(work->reply.hit.backend & WG_FLOW_HOST))
		return host_reply(skb, packet->family, work);
	return is_ipv4 ? unsnat4(skb, work) : unsnat6(skb, work);
}

/* A request that was not answered with a backend. */
static __always_inline int not_served(struct __sk_buff *skb, __u32 family, const struct packet *packet, int result)
{
	if (UNLIKELY(result != -WG_REASON_NOT_SERVICE))
		return request_failed(skb, family, packet, result);
	if (UNLIKELY(address_is_for_services(family, packet->destination)))
		return no_frontend(skb, family, packet, result);
	if (direct_may_be(family, packet) && !link_runs_xdp(skb->ifindex))
		direct_note(family, packet);
	return result;
}

static __always_inline int ingress(struct __sk_buff *skb, __u32 family, const struct packet *packet)
{
	int result;

	if (UNLIKELY(snat_port_in_range(packet->destination_port) && lb_is_reply(family, packet))) {
		result = reply_to_node(skb, packet);
		if (result != -WG_REASON_NOT_SERVICE)
			return result;
	}
	result = family == WG_IPV4 ? request4(skb, packet) : request6(skb, packet);
	return LIKELY(result >= 0) ? result : not_served(skb, family, packet, result);
}

static __always_inline int snat_out(struct __sk_buff *skb, const struct packet *packet)
{
	const struct frontend_hit none = {};
	const int is_ipv4 = packet->family == WG_IPV4;
	struct lb_scratch *work = lb_scratch_for(packet, &none);

	if (!work || !(is_ipv4 ? snat_flow4(work) : snat_flow6(work)))
		return -WG_REASON_NO_FLOW;
	return is_ipv4 ? snat_write4(skb, work) : snat_write6(skb, work);
}

/* A process of the node may have sent it to a service. All that follows works on the copy in the working memory: egress
 * has no room to keep another. */
static __always_inline int from_host(struct __sk_buff *skb, __u32 family, const struct packet *packet)
{
	const struct frontend_hit none = {};
	struct lb_scratch *work;
	int result;

	if (LIKELY(!frontend_gate_open(family, packet->destination) &&
		   !address_is_for_services(family, packet->destination)))
		return -WG_REASON_NOT_SERVICE;
	work = lb_scratch_for(packet, &none);
	result = host_request(skb, family, work);
	if (result == -WG_REASON_NO_ENDPOINTS)
		return reject_packet(skb, family, work, WG_REASON_NO_ENDPOINTS);
	if (result == -WG_REASON_NOT_SERVICE || result == -WG_REASON_UNKNOWN_PORT)
		return no_frontend_in(skb, family, work, -WG_REASON_NOT_SERVICE);
	return result;
}

static __always_inline int egress(struct __sk_buff *skb, __u32 family, const struct packet *packet)
{
	if (UNLIKELY(skb->mark & settings.snat_mark))
		return snat_out(skb, packet);
	if (UNLIKELY(lb_is_reply(family, packet)))
		return family == WG_IPV4 ? reply4(skb, packet) : reply6(skb, packet);
	return UNLIKELY(host_is_sender(skb)) ? from_host(skb, family, packet) : -WG_REASON_NOT_SERVICE;
}

static __always_inline int without_ports(struct __sk_buff *skb, __u32 family, const struct packet *packet,
					 int is_egress)
{
	const int result = icmp_translate(skb, family, packet, is_egress);

	if (result != -WG_REASON_PROTOCOL || (is_egress && !host_is_sender(skb)))
		return result;
	return other_protocol(skb, family, packet);
}

/* Parses and handles. A packet that says it is longer than it is counts as cut short. */
static __always_inline int read_and_handle(struct __sk_buff *skb, __u32 family, int offset, __u16 vlan_tags,
					   int is_egress)
{
	struct packet packet = {.vlan_tags = vlan_tags};
	int result = parse_network(family, (void *)(long)skb->data, (void *)(long)skb->data_end, offset, 1, &packet);

	if (UNLIKELY(result == -WG_REASON_FRAGMENT))
		result = fragment_take(skb, family, is_egress, &packet);
	if (UNLIKELY(packet.protocol == WG_PROTOCOL_SCTP) && !result)
		result = sctp_take(skb, skb->gso_size != 0, &packet);
	if (UNLIKELY(result == -WG_REASON_PROTOCOL && parse_end(&packet) <= skb->len))
		return without_ports(skb, family, &packet, is_egress);
	if (result < 0)
		return result;
	if (UNLIKELY(parse_end(&packet) > skb->len))
		return -WG_REASON_TRUNCATED;
	return is_egress ? egress(skb, family, &packet) : ingress(skb, family, &packet);
}

static __always_inline int handle_once(struct __sk_buff *skb, int is_egress)
{
	__be16 protocol = 0;
	__u16 vlan_tags = 0;
	int offset = parse_ethernet((void *)(long)skb->data, (void *)(long)skb->data_end, &protocol, &vlan_tags);

	if (offset < 0)
		return offset;
	if (protocol == bpf_htons(ETH_P_IP))
		return read_and_handle(skb, WG_IPV4, offset, vlan_tags, is_egress);
	if (protocol == bpf_htons(ETH_P_IPV6))
		return read_and_handle(skb, WG_IPV6, offset, vlan_tags, is_egress);
	return -WG_REASON_NOT_IP;
}

/* If headers are not all in the linear part, they are pulled in and the packet is handled from the start: being cut
 * short is found before anything is done. */
static __always_inline int handle(struct __sk_buff *skb, int is_egress)
{
	int result = -WG_REASON_TRUNCATED;

#pragma nounroll
	for (int tries = 0; tries < 2; tries++) {
		OPAQUE(tries);
		result = handle_once(skb, is_egress);
		if (LIKELY(result != -WG_REASON_TRUNCATED) || skb->data_end - skb->data >= skb->len)
			break;
		bpf_skb_pull_data(skb, skb->len < TC_PULL_BYTES ? skb->len : TC_PULL_BYTES);
	}
	return verdict(result);
}

SEC("tc")
int tc_ingress(struct __sk_buff *skb)
{
	return handle(skb, 0);
}

SEC("tc")
int tc_egress(struct __sk_buff *skb)
{
	return handle(skb, 1);
}

char program_license[] SEC("license") = "Dual BSD/GPL";
