/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 * XDP on uplinks: what can be finished at once for outside clients. A backend on this node: translate and pass on. A
 * backend elsewhere whose neighbour is known: translate both ways and send out. Everything else goes on to TC
 * untouched.
 */
#include <linux/bpf.h>

#define WG_THIS_HOOK WG_HOOK_XDP
typedef struct xdp_md wg_context;

#include "lib/direct.h"
#include "lib/nat_xdp.h"
#include "lib/reply.h"

/* Packets that the kernel must see for their TTL, their tags or their size stay with the kernel. */
static __always_inline int can_forward(const struct packet *packet, const struct nexthop *next)
{
	return packet->ttl > 1 && !packet->vlan_tags && packet->length <= next->mtu;
}

static __always_inline int send_out(struct xdp_md *xdp, __u32 family, const struct packet *packet,
				    const struct rewrite *rewrite, const struct nexthop *next)
{
	if (nat_xdp(family, xdp, packet, rewrite) || nat_xdp_forward(family, xdp, packet, next))
		return -WG_REASON_REWRITE;
	return next->ifindex == xdp->ingress_ifindex ? XDP_TX : (int)bpf_redirect(next->ifindex, 0);
}

/* Outside client -> backend on another node. */
static __always_inline int forward_request(struct xdp_md *xdp, __u32 family, const struct packet *packet,
					   const struct lb_answer *answer, struct rewrite *rewrite)
{
	struct wg_control *state = control_get();
	struct nexthop next = {};

	if (!state || !nexthop_find(xdp, family, packet, answer->address, &next) || !can_forward(packet, &next))
		return -WG_REASON_TO_STACK;
	copy_address(address_words(family), rewrite->source,
		     snat_address(family, state, answer->backend >> WG_FLOW_SNAT_ADDRESS_SHIFT));
	rewrite->source_port = answer->snat_port;
	return send_out(xdp, family, packet, rewrite, &next);
}

/* What cannot be opened goes to TC, which rejects or drops it and counts why. */
static __always_inline int request_failed(int result)
{
	if (result == -WG_REASON_UNKNOWN_PORT)
		return -WG_REASON_NOT_SERVICE;
	return result == -WG_REASON_NOT_SERVICE || result == -WG_REASON_NO_FLOW ? result : -WG_REASON_TO_STACK;
}

/* Sends a request where its flow says. */
static __always_inline int follow_answer(struct xdp_md *xdp, __u32 family, const struct packet *packet,
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
		result = forward_request(xdp, family, packet, answer, &rewrite);
	else
		result = nat_xdp(family, xdp, packet, &rewrite) ? -WG_REASON_REWRITE : XDP_PASS;
	if (result >= 0)
		count_request(answer->service, packet->length);
	return result;
}

static __always_inline int handle_request4(struct xdp_md *xdp, const struct packet *packet)
{
	struct lb_answer answer = {};
	int result = lb_request4(xdp, packet, &answer);

	return result < 0 ? request_failed(result) : follow_answer(xdp, WG_IPV4, packet, &answer);
}

WG_GLOBAL int follow_answer6(struct xdp_md *xdp, struct lb_scratch *work)
{
	return work ? follow_answer(xdp, WG_IPV6, &work->packet, &work->answer) : -WG_REASON_TO_STACK;
}

static __always_inline int handle_request6(struct xdp_md *xdp, const struct packet *packet)
{
	struct lb_scratch *work = 0;
	int result = lb_request6(xdp, packet, &work);

	return result < 0 ? request_failed(result) : follow_answer6(xdp, work);
}

/* Backend on another node -> node port of ours -> outside client: both edges at once. */
static __always_inline int handle_reply(struct xdp_md *xdp, __u32 family, struct lb_scratch *work)
{
	const struct packet *packet = &work->packet;
	const struct snat_owner *owner = &work->reply_owner;
	const struct lb_answer *answer = &work->answer;
	struct rewrite rewrite;
	struct nexthop next = {};
	int result;

	if (!nexthop_find(xdp, family, packet, owner->address, &next) || !can_forward(packet, &next))
		return -WG_REASON_TO_STACK;
	copy_address(address_words(family), rewrite.source, answer->address);
	copy_address(address_words(family), rewrite.destination, owner->address);
	rewrite.source_port = answer->port;
	rewrite.destination_port = answer->client_port;
	result = send_out(xdp, family, packet, &rewrite, &next);
	if (result >= 0)
		count_reply(answer->service, packet->length);
	return result;
}

/* IPv4: all steps in one function, for each return costs. */
WG_GLOBAL int node_port_reply4(struct xdp_md *xdp, struct lb_scratch *work)
{
	int result = work ? lb_unsnat(WG_IPV4, work) : -WG_REASON_NOT_SERVICE;

	if (result)
		return result < 0 ? result : -WG_REASON_NOT_SERVICE;
	if (lb_reply_in(WG_IPV4, work, work->reply_owner.address, work->reply_owner.port) < 0)
		return -WG_REASON_TO_STACK;
	lb_reply_follow(WG_IPV4, work);
	return handle_reply(xdp, WG_IPV4, work);
}

WG_GLOBAL int reply6(struct xdp_md *xdp, struct lb_scratch *work)
{
	return work ? handle_reply(xdp, WG_IPV6, work) : -WG_REASON_TO_STACK;
}

/* IPv6: one after another, or their frames would stand on one stack. */
static __always_inline int node_port_reply6(struct xdp_md *xdp, struct lb_scratch *work)
{
	int result = lb_unsnat6(work);

	if (result)
		return result < 0 ? result : -WG_REASON_NOT_SERVICE;
	if (lb_reply_to_owner6(work) < 0)
		return -WG_REASON_TO_STACK;
	lb_reply_follow(WG_IPV6, work);
	return reply6(xdp, work);
}

/* A packet to a port of the range that is ours: a reply to a node port, perhaps. */
static __always_inline int handle_node_port(struct xdp_md *xdp, __u32 family, const struct packet *packet)
{
	const struct frontend_hit none = {};
	struct lb_scratch *work = lb_scratch_for(packet, &none);

	if (!work)
		return -WG_REASON_NOT_SERVICE;
	return family == WG_IPV4 ? node_port_reply4(xdp, work) : node_port_reply6(xdp, work);
}

static __always_inline int handle(struct xdp_md *xdp, __u32 family, const struct packet *packet)
{
	int result;

	if (UNLIKELY(snat_port_in_range(packet->destination_port) && lb_is_reply(family, packet))) {
		result = handle_node_port(xdp, family, packet);
		if (result != -WG_REASON_NOT_SERVICE)
			return result;
	}
	result = family == WG_IPV4 ? handle_request4(xdp, packet) : handle_request6(xdp, packet);
	if (result == -WG_REASON_NOT_SERVICE && direct_may_be(family, packet))
		direct_note(family, packet);
	return result;
}

/* Parses and handles. A packet that says it is longer than it is counts as cut short; only the first buffer is in
 * reach. */
static __always_inline int read_and_handle(struct xdp_md *xdp, __u32 family, int offset, __u16 vlan_tags)
{
	void *data = (void *)(long)xdp->data;
	void *end = (void *)(long)xdp->data_end;
	struct packet packet = {.vlan_tags = vlan_tags};
	int result = parse_network(family, data, end, offset, 0, &packet);

	if (result < 0)
		return result;
	if (UNLIKELY(parse_end(&packet) > end - data) && parse_end(&packet) > bpf_xdp_get_buff_len(xdp))
		return -WG_REASON_TRUNCATED;
	return handle(xdp, family, &packet);
}

static __always_inline int ingress(struct xdp_md *xdp)
{
	__be16 protocol = 0;
	__u16 vlan_tags = 0;
	int offset = parse_ethernet((void *)(long)xdp->data, (void *)(long)xdp->data_end, &protocol, &vlan_tags);

	if (offset < 0)
		return offset;
	if (protocol == bpf_htons(ETH_P_IP))
		return read_and_handle(xdp, WG_IPV4, offset, vlan_tags);
	if (protocol == bpf_htons(ETH_P_IPV6))
		return read_and_handle(xdp, WG_IPV6, offset, vlan_tags);
	return -WG_REASON_NOT_IP;
}

SEC("xdp.frags")
int xdp_ingress(struct xdp_md *xdp)
{
	const int result = ingress(xdp);

	if (result >= 0)
		return result;
	count_reason(-result);
	return result == -WG_REASON_REWRITE ? XDP_DROP : XDP_PASS;
}

char program_license[] SEC("license") = "Dual BSD/GPL";
