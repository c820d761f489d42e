/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 * Socket hooks of a cgroup: connect and sendmsg replace a service address by a backend's, recvmsg and getpeername show
 * the service again. What they leave alone goes the way of packets, through TC.
 */
#include <linux/bpf.h>

#include <bpf/bpf_endian.h>

#define WG_THIS_HOOK WG_HOOK_SOCKET

#include "lib/sock.h"

/* What the call answers: refused where nobody serves, not permitted where the source ranges do not hold the node. */
static __always_inline int answer(int step)
{
	if (LIKELY(step == SOCK_UNTOUCHED || step == SOCK_TRANSLATE))
		return SOCK_ALLOW;
	bpf_set_retval(step == SOCK_NOBODY ? -SOCK_ECONNREFUSED : -SOCK_EPERM);
	return SOCK_REFUSE;
}

/* keeps: see sock_choose */
static __always_inline int to_backend4(struct bpf_sock_addr *context, int keeps)
{
	struct selection chosen = {};
	struct sock_peer peer = {};
	int step;

	sock_read4(context, &peer);
	step = sock_choose(context, WG_IPV4, &peer, keeps, &chosen);
	if (step == SOCK_TRANSLATE)
		sock_write4(context, chosen.address, chosen.port);
	return answer(step);
}

static __always_inline int to_backend6(struct bpf_sock_addr *context, int keeps)
{
	struct selection chosen = {};
	struct sock_peer peer = {};
	int step;

	if (sock_read6(context, &peer) == WG_IPV4)
		step = sock_choose(context, WG_IPV4, &peer, keeps, &chosen);
	else
		step = sock_choose(context, WG_IPV6, &peer, keeps, &chosen);
	if (step == SOCK_TRANSLATE)
		sock_write6(context, &peer, chosen.address, chosen.port);
	return answer(step);
}

static __always_inline int to_frontend4(struct bpf_sock_addr *context)
{
	struct wg_sock_value value;
	struct sock_peer peer = {};

	sock_read4(context, &peer);
	if (sock_recall(context, WG_IPV4, &peer, &value))
		sock_write4(context, value.address, value.port);
	return SOCK_ALLOW;
}

static __always_inline int to_frontend6(struct bpf_sock_addr *context)
{
	struct wg_sock_value value;
	struct sock_peer peer = {};
	const __u32 family = sock_read6(context, &peer);

	if (family == WG_IPV4 ? sock_recall(context, WG_IPV4, &peer, &value)
			      : sock_recall(context, WG_IPV6, &peer, &value))
		sock_write6(context, &peer, value.address, value.port);
	return SOCK_ALLOW;
}

SEC("cgroup/connect4")
int sock_connect4(struct bpf_sock_addr *context)
{
	return to_backend4(context, 0);
}

SEC("cgroup/connect6")
int sock_connect6(struct bpf_sock_addr *context)
{
	return to_backend6(context, 0);
}

SEC("cgroup/sendmsg4")
int sock_sendmsg4(struct bpf_sock_addr *context)
{
	return to_backend4(context, 1);
}

SEC("cgroup/sendmsg6")
int sock_sendmsg6(struct bpf_sock_addr *context)
{
	return to_backend6(context, 1);
}

SEC("cgroup/recvmsg4")
int sock_recvmsg4(struct bpf_sock_addr *context)
{
	return to_frontend4(context);
}

SEC("cgroup/recvmsg6")
int sock_recvmsg6(struct bpf_sock_addr *context)
{
	return to_frontend6(context);
}

SEC("cgroup/getpeername4")
int sock_getpeername4(struct bpf_sock_addr *context)
{
	return to_frontend4(context);
}

SEC("cgroup/getpeername6")
int sock_getpeername6(struct bpf_sock_addr *context)
{
	return to_frontend6(context);
}

char program_license[] SEC("license") = "Dual BSD/GPL";
