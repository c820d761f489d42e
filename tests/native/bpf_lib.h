/* SPDX-License-Identifier: Apache-2.0
 * The natively compiled XDP program and the parts of bpf/lib/ it is made of, as C++ tests may call them: bpf/lib is C
 * that no C++ compiler takes. Structures repeat those of bpf/lib; bpf_lib.c asserts that they are the same.
 */
#pragma once

#include <linux/types.h>
#include <waggle/abi/flow.h>
#include <waggle/abi/settings.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Sizes of the tables to make, in elements (buckets for frontends and flows). */
struct native_sizes {
  __u32 frontends;
  __u32 services;
  __u32 slots;
  __u32 backends;
  __u32 gate_words;
  __u32 flows;
  __u32 snat;
};
/* Fresh tables of these sizes, and settings to match: hz 100, all flow lifetimes as native_lifetime_s says. */
void native_start(const struct native_sizes* sizes, __u32 seed);
volatile struct wg_settings* native_settings(void);
/* Bytes of an element of a planner's table ("frontends4" ...), for filling it. */
void* native_table_element(const char* name, __u32 index);
struct wg_control* native_control(void);

struct native_packet {
  __be32 source[WG_ADDRESS_WORDS];
  __be32 destination[WG_ADDRESS_WORDS];
  __be16 source_port;
  __be16 destination_port;
  __u16 l3_offset;
  __u16 l4_offset;
  __u16 length;
  __u8 protocol;
  __u8 tcp_flags;
  __u8 family;
  __u8 ttl;
  __u16 vlan_tags;
};
int native_parse(const void* frame, __u32 bytes, struct native_packet* packet);

struct native_key {
  __be32 client[WG_ADDRESS_WORDS];
  __be32 backend[WG_ADDRESS_WORDS];
  __u32 frontend;
  __be16 client_port;
  __be16 frontend_port;
  __be16 backend_port;
  __be16 source_port;
};

struct native_hit {
  __u32 control;
  __be32 backend_address[WG_ADDRESS_WORDS];
  __u32 backend;
  __u32 frontend;
  __be16 frontend_port;
  __be16 backend_port;
  __be16 snat_port;
};

/* What an entry shall answer beside its key. */
struct native_entry {
  __u32 backend;
  __be16 snat_port;
  __u8 state;
  __u8 may_evict;
  __u8 may_spill;
};

enum native_table { NATIVE_FLOWS4, NATIVE_FLOWS6, NATIVE_SNAT4, NATIVE_SNAT6 };
enum native_result { NATIVE_NEW, NATIVE_EVICTED, NATIVE_FOUND, NATIVE_AMBIGUOUS, NATIVE_FULL, NATIVE_BUSY };
enum native_direction { NATIVE_REQUEST, NATIVE_REPLY };

struct wg_flow_place native_place(enum native_table table, const struct native_key* key, __u8 protocol);
enum native_result native_insert(enum native_table table, const struct native_key* key, __u8 protocol,
                                 const struct native_entry* entry, struct native_hit* hit);
/* The slot (bucket * WG_FLOW_WAYS + way), or -1. */
long native_find(enum native_table table, enum native_direction direction, const struct native_key* key, __u8 protocol,
                 struct native_hit* hit);
struct wg_flow_head* native_head(enum native_table table, __u32 slot);
int native_delete(enum native_table table, __u32 slot, __u32 control);
void native_set_state(enum native_table table, __u32 slot, __u32 control, __u32 state);
int native_touch(enum native_table table, __u32 slot);
__s64 native_life(enum native_table table, __u32 control, __u32 seen, __u32 now);
__u32 native_next_state(__u32 state, enum native_direction direction, __u8 protocol, __u8 tcp_flags);

/* A checksum field after words of what it covers were replaced. */
__u16 native_checksum(__u16 check, const __u32* before, const __u32* after, __u32 words);

/* What an SCTP checksum changes by. */
__u32 native_sctp_change(__u32 change, __u32 bytes);

/* Runs the XDP program. The frame must lie below 4 GiB: pointers of a BPF context are 32 bits wide. */
int native_xdp(void* frame, __u32 bytes, __u32 ifindex);

#ifdef __cplusplus
}
#endif
