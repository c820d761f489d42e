/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 * The comparison's XDP program: what xdp_lb.bpf.c does, over an LRU hash. See lru.h.
 */
#include <linux/bpf.h>

#define WG_THIS_HOOK WG_HOOK_XDP
typedef struct xdp_md wg_context;

#include "lib/nat_xdp.h"

#include "lru.h"

static __always_inline int send_out(struct xdp_md *xdp, __u32 family, const struct packet *packet,
				    const __u32 *destination, const struct rewrite *rewrite)
{
	struct nexthop next = {};

	if (!nexthop_find(xdp, family, packet, destination, &next) || packet->ttl <= 1 || packet->vlan_tags ||
	    packet->length > next.mtu)
		return -WG_REASON_TO_STACK;
	if (nat_xdp(family, xdp, packet, rewrite) || nat_xdp_forward(family, xdp, packet, &next))
		return -WG_REASON_REWRITE;
	return next.ifindex == xdp->ingress_ifindex ? XDP_TX : (int)bpf_redirect(next.ifindex, 0);
}

static __always_inline int follow_answer(__u32 family, struct xdp_md *xdp, const struct packet *packet,
					 const struct lb_answer *answer)
{
	struct wg_control *state = control_get();
	struct rewrite rewrite;
	int result;

	if (!state)
		return -WG_REASON_TO_STACK;
	rewrite_nothing(family, packet, &rewrite);
	copy_address(address_words(family), rewrite.destination, answer->address);
	rewrite.destination_port = answer->port;
	if (answer->backend & WG_FLOW_SNAT) {
		copy_address(address_words(family), rewrite.source,
			     snat_address(family, state, answer->backend >> WG_FLOW_SNAT_ADDRESS_SHIFT));
		rewrite.source_port = answer->snat_port;
		result = send_out(xdp, family, packet, answer->address, &rewrite);
	} else {
		result = nat_xdp(family, xdp, packet, &rewrite) ? -WG_REASON_REWRITE : XDP_PASS;
	}
	if (result >= 0)
		count_request(answer->service, packet->length);
	return result;
}

static __always_inline int request_failed(int result)
{
	return result == -WG_REASON_NOT_SERVICE ? result : -WG_REASON_TO_STACK;
}

static __always_inline int request4(struct xdp_md *xdp, const struct packet *packet)
{
	struct lb_answer answer = {};
	int result = lru_request4(xdp, packet, &answer);

	return result < 0 ? request_failed(result) : follow_answer(WG_IPV4, xdp, packet, &answer);
}

WG_GLOBAL int follow_answer6(struct xdp_md *xdp, struct lb_scratch *work)
{
	return work ? follow_answer(WG_IPV6, xdp, &work->packet, &work->answer) : -WG_REASON_TO_STACK;
}

static __always_inline int request6(struct xdp_md *xdp, const struct packet *packet)
{
	struct lb_scratch *work = 0;
	int result = lru_request6(xdp, packet, &work);

	return result < 0 ? request_failed(result) : follow_answer6(xdp, work);
}

static __always_inline int send_reply(__u32 family, struct xdp_md *xdp, const struct packet *packet,
				      const struct lb_answer *answer, const struct snat_owner *owner)
{
	struct rewrite rewrite;
	int result;

	copy_address(address_words(family), rewrite.source, answer->address);
	copy_address(address_words(family), rewrite.destination, owner->address);
	rewrite.source_port = answer->port;
	rewrite.destination_port = answer->client_port;
	result = send_out(xdp, family, packet, owner->address, &rewrite);
	if (result >= 0)
		count_reply(answer->service, packet->length);
	return result;
}

static __always_inline int reply4(struct xdp_md *xdp, const struct packet *packet)
{
	struct snat_owner owner = {};
	struct lb_answer answer = {};
	int result = lru_reply(WG_IPV4, packet, &answer, &owner);

	return result < 0 ? result : send_reply(WG_IPV4, xdp, packet, &answer, &owner);
}

WG_GLOBAL int send_reply6(struct xdp_md *xdp, struct lb_scratch *work)
{
	if (!work)
		return -WG_REASON_NOT_SERVICE;
	return send_reply(WG_IPV6, xdp, &work->packet, &work->answer, &work->reply_owner);
}

static __always_inline int reply6(struct xdp_md *xdp, const struct packet *packet)
{
	const struct frontend_hit none = {};
	struct lb_scratch *work = lb_scratch_for(packet, &none);
	int result = lru_reply6(work);

	return result < 0 ? result : send_reply6(xdp, work);
}

static __always_inline int handle(__u32 family, struct xdp_md *xdp, int offset, __u16 vlan_tags)
{
	struct packet packet = {.vlan_tags = vlan_tags};
	int result = parse_network(family, (void *)(long)xdp->data, (void *)(long)xdp->data_end, offset, 0, &packet);

	if (result < 0)
		return result;
	if (UNLIKELY(snat_port_in_range(packet.destination_port))) {
		result = family == WG_IPV4 ? reply4(xdp, &packet) : reply6(xdp, &packet);
		if (result != -WG_REASON_NOT_SERVICE)
			return result;
	}
	return family == WG_IPV4 ? request4(xdp, &packet) : request6(xdp, &packet);
}

static __always_inline int ingress(struct xdp_md *xdp)
{
	__be16 protocol = 0;
	__u16 vlan_tags = 0;
	int offset = parse_ethernet((void *)(long)xdp->data, (void *)(long)xdp->data_end, &protocol, &vlan_tags);

	if (offset < 0)
		return offset;
	if (protocol == bpf_htons(ETH_P_IP))
		return handle(WG_IPV4, xdp, offset, vlan_tags);
	return protocol == bpf_htons(ETH_P_IPV6) ? handle(WG_IPV6, xdp, offset, vlan_tags) : -WG_REASON_NOT_IP;
}

SEC("xdp.frags")
int lru_ingress(struct xdp_md *xdp)
{
	const int result = ingress(xdp);

	if (result >= 0)
		return result;
	count_reason(-result);
	return result == -WG_REASON_REWRITE ? XDP_DROP : XDP_PASS;
}

char program_license[] SEC("license") = "Dual BSD/GPL";
