/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 * The comparison's TC programs: what tc_lb.bpf.c does at the client edge, over an LRU hash. See lru.h.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#define WG_THIS_HOOK WG_HOOK_TC
typedef struct __sk_buff wg_context;

#include "lib/nat_tc.h"

#include "lru.h"

static __always_inline int follow_answer(__u32 family, struct __sk_buff *skb, const struct packet *packet,
					 const struct lb_answer *answer)
{
	struct rewrite rewrite;

	rewrite_nothing(family, packet, &rewrite);
	copy_address(address_words(family), rewrite.destination, answer->address);
	rewrite.destination_port = answer->port;
	if (answer->backend & WG_FLOW_SNAT)
		skb->mark |= settings.snat_mark;
	count_request(answer->service, packet->length);
	return nat_tc(family, skb, packet, &rewrite);
}

static __always_inline int request4(struct __sk_buff *skb, const struct packet *packet)
{
	struct lb_answer answer = {};
	int result = lru_request4(skb, packet, &answer);

	return result < 0 ? result : follow_answer(WG_IPV4, skb, packet, &answer);
}

WG_GLOBAL int follow_answer6(struct __sk_buff *skb, struct lb_scratch *work)
{
	return work ? follow_answer(WG_IPV6, skb, &work->packet, &work->answer) : 0;
}

static __always_inline int request6(struct __sk_buff *skb, const struct packet *packet)
{
	struct lb_scratch *work = 0;
	int result = lru_request6(skb, packet, &work);

	return result < 0 ? result : follow_answer6(skb, work);
}

static __always_inline int reply(__u32 family, struct __sk_buff *skb, const struct packet *packet)
{
	struct snat_owner owner = {};
	struct lb_answer answer = {};
	struct rewrite rewrite;
	int result = lru_reply(family, packet, &answer, &owner);

	if (LIKELY(result < 0))
		return result;
	rewrite_nothing(family, packet, &rewrite);
	copy_address(address_words(family), rewrite.source, answer.address);
	rewrite.source_port = answer.port;
	count_reply(answer.service, packet->length);
	return nat_tc(family, skb, packet, &rewrite);
}

static __always_inline int verdict(int result)
{
	if (LIKELY(!result))
		return TC_ACT_UNSPEC;
	count_reason(-result);
	return result == -WG_REASON_REWRITE ? TC_ACT_SHOT : TC_ACT_UNSPEC;
}

static __always_inline int handle_network(__u32 family, struct __sk_buff *skb, int offset, __u16 vlan_tags,
					  int is_egress)
{
	struct packet packet = {.vlan_tags = vlan_tags};
	int result = parse_network(family, (void *)(long)skb->data, (void *)(long)skb->data_end, offset, 0, &packet);

	if (result < 0)
		return result;
	if (is_egress)
		return reply(family, skb, &packet);
	return family == WG_IPV4 ? request4(skb, &packet) : request6(skb, &packet);
}

static __always_inline int handle(struct __sk_buff *skb, int is_egress)
{
	__be16 protocol = 0;
	__u16 vlan_tags = 0;
	int offset = parse_ethernet((void *)(long)skb->data, (void *)(long)skb->data_end, &protocol, &vlan_tags);

	if (offset < 0)
		return offset;
	if (protocol == bpf_htons(ETH_P_IP))
		return handle_network(WG_IPV4, skb, offset, vlan_tags, is_egress);
	if (protocol == bpf_htons(ETH_P_IPV6))
		return handle_network(WG_IPV6, skb, offset, vlan_tags, is_egress);
	return -WG_REASON_NOT_IP;
}

SEC("tc")
int lru_ingress(struct __sk_buff *skb)
{
	return verdict(handle(skb, 0));
}

SEC("tc")
int lru_egress(struct __sk_buff *skb)
{
	return verdict(handle(skb, 1));
}

char program_license[] SEC("license") = "Dual BSD/GPL";
