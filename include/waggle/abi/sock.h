/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 * Table `sock_flows` (LRU hash): what the socket hooks remember of a socket, so that getpeername and recvmsg can show
 * the service, and so that an unconnected UDP socket keeps its backend.
 */
#pragma once

#include <waggle/abi/types.h>

#define WG_SOCK_BY_BACKEND  0u /* remote = backend, value = the frontend */
#define WG_SOCK_BY_FRONTEND 1u /* remote = frontend, value = the backend */

struct wg_sock_key {
	__u64 cookie; /* bpf_get_socket_cookie */
	__be32 address[WG_ADDRESS_WORDS];
	__be16 port;
	__u8 protocol;
	__u8 direction; /* WG_SOCK_* */
	__u32 family;   /* enum wg_family */
};

struct wg_sock_value {
	__be32 address[WG_ADDRESS_WORDS];
	__be16 port;
	__u16 reserved;
	__u32 backend; /* index in `backends` */
	__u32 service; /* index in `services` */
};
