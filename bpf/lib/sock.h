/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 * Service addresses at the socket: the address is replaced before a packet exists, and shown again to whoever asks.
 */
#pragma once

#include "lib/address.h"
#include "lib/affinity.h"
#include "lib/count.h"
#include "lib/select.h"
#include "lib/service.h"

#define SOCK_ALLOW        1
#define SOCK_REFUSE       0
#define SOCK_EPERM        1
#define SOCK_ECONNREFUSED 111
#define SOCK_LEFT_TO_TC   1 /* sock_select */
#define SOCK_V4_MAPPED    bpf_htonl(0xffff)

/* The peer as the socket call names it: an IPv4-mapped IPv6 address counts as IPv4. */
struct sock_peer {
	__be32 address[WG_ADDRESS_WORDS];
	__be16 port;
	__u8 protocol;
	__u8 is_mapped;
};

WG_INLINE void sock_read4(const struct bpf_sock_addr *context, struct sock_peer *peer)
{
	peer->address[0] = context->user_ip4;
	peer->port = (__be16)context->user_port;
	peer->protocol = context->protocol;
}

/* WG_IPV4 for a mapped address, else WG_IPV6. */
WG_INLINE __u32 sock_read6(const struct bpf_sock_addr *context, struct sock_peer *peer)
{
	const __u32 word[4] = {context->user_ip6[0], context->user_ip6[1], context->user_ip6[2], context->user_ip6[3]};

	peer->port = (__be16)context->user_port;
	peer->protocol = context->protocol;
	if (!word[0] && !word[1] && word[2] == SOCK_V4_MAPPED) {
		peer->address[0] = word[3];
		peer->is_mapped = 1;
		return WG_IPV4;
	}
	copy_address(WG_ADDRESS_WORDS, peer->address, word);
	return WG_IPV6;
}

WG_INLINE void sock_write4(struct bpf_sock_addr *context, const __u32 *address, __be16 port)
{
	context->user_ip4 = address[0];
	context->user_port = port;
}

WG_INLINE void sock_write6(struct bpf_sock_addr *context, const struct sock_peer *peer, const __u32 *address,
			   __be16 port)
{
	context->user_port = port;
	if (peer->is_mapped) {
		context->user_ip6[3] = address[0];
		return;
	}
	context->user_ip6[0] = address[0];
	context->user_ip6[1] = address[1];
	context->user_ip6[2] = address[2];
	context->user_ip6[3] = address[3];
}

/* Is this socket one that the hooks serve? Asked after the address turned out to be a frontend. */
WG_INLINE int sock_is_served(struct bpf_sock_addr *context, __u8 protocol)
{
	const __u32 mode = protocol == WG_PROTOCOL_TCP ? settings.sock_lb_tcp : settings.sock_lb_udp;

	if (mode == WG_SOCK_LB_HOST)
		return bpf_get_netns_cookie(context) == settings.host_netns_cookie;
	return mode == WG_SOCK_LB_ALL;
}

WG_INLINE void sock_key_fill(struct bpf_sock_addr *context, __u32 family, const __u32 *address, __be16 port,
			     __u8 protocol, __u8 direction, struct wg_sock_key *key)
{
	__builtin_memset(key, 0, sizeof(*key));
	key->cookie = bpf_get_socket_cookie(context);
	copy_address(address_words(family), key->address, address);
	key->port = port;
	key->protocol = protocol;
	key->direction = direction;
	key->family = family;
}

/* Notes which frontend the socket meant, so that getpeername and recvmsg can show it. */
WG_INLINE void sock_remember_frontend(struct bpf_sock_addr *context, __u32 family, const struct sock_peer *peer,
				      const struct selection *chosen, __u32 service)
{
	struct wg_sock_value value = {.port = peer->port, .backend = chosen->backend, .service = service};
	struct wg_sock_key key;

	copy_address(address_words(family), value.address, peer->address);
	sock_key_fill(context, family, chosen->address, chosen->port, peer->protocol, WG_SOCK_BY_BACKEND, &key);
	bpf_map_update_elem(&sock_flows, &key, &value, BPF_ANY);
}

/* Notes the backend of an unconnected UDP socket, which keeps it while it serves. */
WG_INLINE void sock_remember_backend(struct bpf_sock_addr *context, __u32 family, const struct sock_peer *peer,
				     const struct selection *chosen, __u32 service)
{
	struct wg_sock_value value = {.port = chosen->port, .backend = chosen->backend, .service = service};
	struct wg_sock_key key;

	copy_address(address_words(family), value.address, chosen->address);
	sock_key_fill(context, family, peer->address, peer->port, peer->protocol, WG_SOCK_BY_FRONTEND, &key);
	bpf_map_update_elem(&sock_flows, &key, &value, BPF_ANY);
}

/* 1: the socket already has a backend that serves. */
WG_INLINE int sock_kept_backend(struct bpf_sock_addr *context, __u32 family, const struct sock_peer *peer,
				const struct frontend_hit *frontend, struct selection *chosen)
{
	struct wg_sock_value *value;
	struct wg_sock_key key;

	sock_key_fill(context, family, peer->address, peer->port, peer->protocol, WG_SOCK_BY_FRONTEND, &key);
	value = bpf_map_lookup_elem(&sock_flows, &key);
	if (!value || !backend_still_serves(value->backend, frontend->service, address_words(family), value->address,
					    value->port))
		return 0;
	copy_address(address_words(family), chosen->address, value->address);
	chosen->port = value->port;
	return 1;
}

enum sock_step {
	SOCK_UNTOUCHED = 0,
	SOCK_TRANSLATE = 1,
	SOCK_NOBODY = 2,
	SOCK_FORBIDDEN = 3,
};

/* Who makes the call. -1: that matters, and the detector would tell by the packet's source or link, which a call does
 * not have yet. */
WG_INLINE int sock_source(struct bpf_sock_addr *context, __u32 family, const struct wg_service *service,
			  __u32 frontend_flags, struct wg_control *state)
{
	if (bpf_get_netns_cookie(context) == settings.host_netns_cookie)
		return DETECT_NODE;
	if (!detect_matters(service, frontend_flags) || !detect_is_on(family, state))
		return DETECT_OUTSIDE;
	return LOAD(state->detector) == WG_DETECT_EVERY_LINK ? DETECT_LOCAL_POD : -1;
}

/* Frontends with source ranges: 0, SOCK_LEFT_TO_TC for pods, whose source a packet will tell, or a negative reason. */
WG_INLINE int sock_check_source(struct bpf_sock_addr *context, const struct wg_service *service)
{
	if (bpf_get_netns_cookie(context) != settings.host_netns_cookie)
		return SOCK_LEFT_TO_TC;
	return service->flags & WG_SERVICE_NODE_ALLOWED ? 0 : -WG_REASON_SOURCE_RANGE;
}

WG_INLINE void sock_affinity_key(struct bpf_sock_addr *context, __u32 index, const struct wg_service *service,
				 struct wg_affinity_key *key)
{
	const __u64 cookie = bpf_get_netns_cookie(context);

	affinity_key_start(key, index, service, WG_AFFINITY_NETNS);
	key->client[0] = (__u32)cookie;
	key->client[1] = (__u32)(cookie >> 32);
}

/* Chooses one of the set, for services with session affinity the one of last time. 0, or a negative reason. */
WG_INLINE int sock_select_of(struct bpf_sock_addr *context, __u32 index, struct wg_service *service, int is_local_only,
			     struct selection *chosen)
{
	struct wg_affinity_key key;
	int result = 0;

	if (LIKELY(!service->affinity_timeout_s))
		return select_backend(index, service, is_local_only, chosen);
	sock_affinity_key(context, index, service, &key);
	if (!affinity_recall(&key, service, is_local_only, chosen))
		result = select_backend(index, service, is_local_only, chosen);
	if (result == 0)
		affinity_remember(&key, chosen);
	return result;
}

/* Chooses a backend for a new flow. 0, SOCK_LEFT_TO_TC, or a negative reason. What only a packet tells, and pods' flows
 * that policy masquerades, is for TC; the node's own sockets have its address anyway. */
WG_INLINE int sock_select(struct bpf_sock_addr *context, __u32 family, const struct frontend_hit *frontend,
			  struct selection *chosen)
{
	struct wg_service *service = service_at(frontend->service);
	struct wg_control *state = control_get();
	int source = DETECT_OUTSIDE;
	int result;

	if (!service || !state)
		return -WG_REASON_NO_ENDPOINTS;
	if (frontend->flags & WG_FRONTEND_FILTERED) {
		result = sock_check_source(context, service);
		if (result)
			return result;
	}
	if (detect_matters(service, frontend->flags) || settings.policy & WG_POLICY_MASQUERADE_ALL) {
		source = sock_source(context, family, service, frontend->flags, state);
		if (source < 0)
			return SOCK_LEFT_TO_TC;
		if (source != DETECT_NODE && detect_masquerades(family, state, service, frontend->flags, source))
			return SOCK_LEFT_TO_TC;
	}
	return sock_select_of(context, frontend->service, service,
			      select_is_local_only(service, frontend->flags, source), chosen);
}

/* Is one of the addresses that the node's packets leave with? */
WG_INLINE int sock_is_way_out(__u32 family, struct wg_control *state, const __u32 *address)
{
#pragma nounroll
	for (__u32 i = 0; i < WG_SNAT_ADDRESSES; i++) {
		OPAQUE(i);
		if (same_address(address_words(family), snat_address(family, state, i), address))
			return 1;
	}
	return 0;
}

/* Has a process of the node bound its socket to an address by which other nodes do not find back, perhaps, such as one
 * of loopback or a service's? Policy masquerades its flows (contract K-51, K-54), which is for TC. */
WG_INLINE int sock_is_bound_aside(struct bpf_sock_addr *context, __u32 family)
{
	struct wg_control *state = control_get();
	struct bpf_sock *socket = context->sk;
	__u32 source[WG_ADDRESS_WORDS] = {};

	if (!socket || !state)
		return 0;
	if (family == WG_IPV4) {
		source[0] = socket->src_ip4;
	} else {
		source[0] = socket->src_ip6[0];
		source[1] = socket->src_ip6[1];
		source[2] = socket->src_ip6[2];
		source[3] = socket->src_ip6[3];
	}
	if (LIKELY(!(source[0] | source[1] | source[2] | source[3])))
		return 0;
	return bpf_get_netns_cookie(context) == settings.host_netns_cookie && !sock_is_way_out(family, state, source);
}

/* Nobody serves, or nobody may: what the call does. */
WG_INLINE int sock_step_without_backend(int result)
{
	if (result < 0)
		count_reason(-result);
	if (result == -WG_REASON_SOURCE_RANGE)
		return SOCK_FORBIDDEN;
	return result == -WG_REASON_NO_ENDPOINTS ? SOCK_NOBODY : SOCK_UNTOUCHED;
}

/* A ClusterIP's other ports refuse at once (contract K-85); what else has the address does not look at it. */
WG_INLINE int sock_unknown_port(__u32 family, const struct sock_peer *peer, struct frontend_hit *hit)
{
	if (!(settings.policy & WG_POLICY_REJECT_UNKNOWN) || !address_is_cluster_ip(family, peer->address, hit))
		return SOCK_UNTOUCHED;
	count_reason(WG_REASON_UNKNOWN_PORT);
	return SOCK_NOBODY;
}

/* Chooses the backend of a connect or of an unconnected send. keeps: a socket that was here before keeps its backend.
 */
WG_INLINE int sock_choose(struct bpf_sock_addr *context, __u32 family, const struct sock_peer *peer, int keeps,
			  struct selection *chosen)
{
	struct frontend_hit frontend = {};
	int result = frontend_find(family, peer->address, peer->port, peer->protocol, &frontend);

	if (LIKELY(result == FRONTEND_NONE) || !sock_is_served(context, peer->protocol))
		return SOCK_UNTOUCHED;
	if (result == FRONTEND_NO_PORT || frontend.kind != WG_FRONTEND_LIVE)
		return sock_unknown_port(family, peer, &frontend);
	if (keeps && sock_kept_backend(context, family, peer, &frontend, chosen))
		return SOCK_TRANSLATE;
	result = sock_select(context, family, &frontend, chosen);
	if (result)
		return sock_step_without_backend(result);
	if (!chosen->is_local && UNLIKELY(sock_is_bound_aside(context, family)))
		return SOCK_UNTOUCHED;
	sock_remember_frontend(context, family, peer, chosen, frontend.service);
	if (keeps)
		sock_remember_backend(context, family, peer, chosen, frontend.service);
	count_new_flow(frontend.service);
	return SOCK_TRANSLATE;
}

/* 1: `value` is the frontend behind the backend the kernel names. */
WG_INLINE int sock_recall(struct bpf_sock_addr *context, __u32 family, const struct sock_peer *peer,
			  struct wg_sock_value *value)
{
	struct wg_sock_value *found;
	struct wg_sock_key key;

	sock_key_fill(context, family, peer->address, peer->port, peer->protocol, WG_SOCK_BY_BACKEND, &key);
	found = bpf_map_lookup_elem(&sock_flows, &key);
	if (!found)
		return 0;
	*value = *found;
	return 1;
}
