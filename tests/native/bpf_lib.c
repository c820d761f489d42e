/* SPDX-License-Identifier: Apache-2.0
 * The XDP program as plain C, with the sanitizers' eyes on it, and doors into its parts.
 */
#define WG_SETTINGS_QUALIFIER volatile
#include "bpf_lib.h"

#include <string.h>

#include "helpers.h"
#include "xdp_lb.bpf.c"
/* TC's alone */
#include "lib/sctp.h"

_Static_assert(sizeof(struct native_packet) == sizeof(struct packet), "the same fields");
_Static_assert(sizeof(struct native_key) == sizeof(struct table_key), "the same fields");
_Static_assert(sizeof(struct native_hit) == sizeof(struct table_hit), "the same fields");
_Static_assert(NATIVE_BUSY == (int)INSERT_BUSY && NATIVE_FOUND == (int)INSERT_FOUND, "the same numbers");
_Static_assert(NATIVE_REPLY == (int)TABLE_REPLY, "the same numbers");

#define NEXT_HOPS 64

static __u32 kind_of(enum native_table table) { return table < NATIVE_SNAT4 ? TABLE_FLOWS : TABLE_SNAT; }
static __u32 family_of(enum native_table table) { return table % 2 ? WG_IPV6 : WG_IPV4; }

static void make_tables(const struct native_sizes* sizes) {
  native_make_array(&frontends4, sizeof(struct wg_frontend_bucket4), sizes->frontends);
  native_make_array(&frontends6, sizeof(struct wg_frontend_bucket6), sizes->frontends);
  native_make_array(&services, sizeof(struct wg_service), sizes->services);
  native_make_array(&slots, sizeof(struct wg_slot), sizes->slots);
  native_make_array(&backends, sizeof(struct wg_backend), sizes->backends);
  native_make_array(&frontend_gate, sizeof(__u64), sizes->gate_words);
  native_make_array(&reply_gate, sizeof(__u64), sizes->gate_words);
  native_make_array(&flows4, sizeof(struct wg_flow_bucket4), sizes->flows);
  native_make_array(&flows6, sizeof(struct wg_flow_bucket6), sizes->flows);
  native_make_array(&snat4, sizeof(struct wg_snat_bucket4), sizes->snat);
  native_make_array(&snat6, sizeof(struct wg_snat_bucket6), sizes->snat);
  native_make_array(&snat_turns, sizeof(__u32), WG_SNAT_TURNS);
  native_make_array(&nexthops, sizeof(struct wg_nexthop), NEXT_HOPS);
  native_make_array(&control, sizeof(struct wg_control), 1);
  native_make_array(&service_counters, sizeof(struct wg_service_counter), sizes->services);
  native_make_array(&reason_counters, sizeof(__u64), WG_REASON_COUNTERS);
  native_make_array(&scratch, sizeof(struct lb_scratch), 1);
  native_make_array(&nexthop_scratch, sizeof(struct nexthop_work), 1);
  native_make_hash(&flow_spill, sizeof(struct wg_spill_key), sizeof(struct wg_spill_value));
}

static void set_masks(const struct native_sizes* sizes) {
  settings.frontends4_mask = settings.frontends6_mask = sizes->frontends - 1;
  settings.services_mask = sizes->services - 1;
  settings.slots_mask = sizes->slots - 1;
  settings.backends_mask = sizes->backends - 1;
  settings.reply_gate_mask = settings.frontend_gate_mask = sizes->gate_words * 64 - 1;
  settings.flows4_mask = settings.flows6_mask = sizes->flows - 1;
  settings.snat4_mask = settings.snat6_mask = sizes->snat - 1;
  settings.nexthops_mask = NEXT_HOPS - 1;
}

void native_start(const struct native_sizes* sizes, __u32 seed) {
  native_reset(seed);
  make_tables(sizes);
  memset((void*)&settings, 0, sizeof(settings));
  set_masks(sizes);
  settings.hash_key.k0 = (__u64)bpf_get_prandom_u32() << 32 | bpf_get_prandom_u32();
  settings.hash_key.k1 = (__u64)bpf_get_prandom_u32() << 32 | bpf_get_prandom_u32();
  settings.hz = 100;
  settings.snat_mark = 0x4000;
  settings.snat_port_min = 60416;
  settings.snat_port_mask = 1023;
}

volatile struct wg_settings* native_settings(void) { return &settings; }

void* native_table_element(const char* name, __u32 index) {
  if (!strcmp(name, "frontends4")) return bpf_map_lookup_elem(&frontends4, &index);
  if (!strcmp(name, "frontends6")) return bpf_map_lookup_elem(&frontends6, &index);
  if (!strcmp(name, "services")) return bpf_map_lookup_elem(&services, &index);
  if (!strcmp(name, "slots")) return bpf_map_lookup_elem(&slots, &index);
  if (!strcmp(name, "backends")) return bpf_map_lookup_elem(&backends, &index);
  if (!strcmp(name, "frontend_gate")) return bpf_map_lookup_elem(&frontend_gate, &index);
  if (!strcmp(name, "reply_gate")) return bpf_map_lookup_elem(&reply_gate, &index);
  return 0;
}

struct wg_control* native_control(void) {
  return control_get();
}

static int parse_frame(void* data, void* end, struct packet* parsed) {
  __be16 protocol = 0;
  int offset = parse_ethernet(data, end, &protocol, &parsed->vlan_tags);

  if (offset < 0) return offset;
  if (protocol == bpf_htons(ETH_P_IP)) return parse_network(WG_IPV4, data, end, offset, 1, parsed);
  return protocol == bpf_htons(ETH_P_IPV6) ? parse_network(WG_IPV6, data, end, offset, 1, parsed) : -WG_REASON_NOT_IP;
}

int native_parse(const void* frame, __u32 bytes, struct native_packet* packet) {
  void *data = (void*)frame, *end = (char*)frame + bytes;
  struct packet* parsed = (struct packet*)packet;
  int result;

  memset(packet, 0, sizeof(*packet));
  result = parse_frame(data, end, parsed);
  if (result || parsed->protocol != WG_PROTOCOL_SCTP) return result;
  result = parse_sctp_chunk(packet_at(data, parsed->l4_offset), end, sctp_place(parsed) >> 16, 0);
  parsed->tcp_flags = result < 0 ? 0 : result;
  return result < 0 ? result : 0;
}

struct wg_flow_place native_place(enum native_table table, const struct native_key* key, __u8 protocol) {
  const __u32 family = family_of(table);

  if (kind_of(table) == TABLE_FLOWS) return flow_place(family, key->client, key->client_port, protocol);
  return snat_place(family, key->backend, key->backend_port, key->client_port, protocol);
}

enum native_result native_insert(enum native_table table, const struct native_key* key, __u8 protocol,
                                 const struct native_entry* entry, struct native_hit* hit) {
  struct insert_request request = {.place = native_place(table, key, protocol),
                                   .backend = entry->backend,
                                   .snat_port = entry->snat_port,
                                   .state = entry->state,
                                   .may_evict = entry->may_evict,
                                   .may_spill = entry->may_spill};
  struct table_hit* found = (struct table_hit*)hit;

  memcpy(&request.key, key, sizeof(request.key));
  switch (table) {
    case NATIVE_FLOWS4:
      return insert_flows4(&request, found);
    case NATIVE_FLOWS6:
      return insert_flows6(&request, found);
    case NATIVE_SNAT4:
      return insert_snat4(&request, found);
    case NATIVE_SNAT6:
      break;
  }
  return insert_snat6(&request, found);
}

struct wg_flow_head* native_head(enum native_table table, __u32 slot) {
  const __u32 kind = kind_of(table), family = family_of(table);

  return table_way(kind, family, table_bucket(kind, family, slot / WG_FLOW_WAYS), slot % WG_FLOW_WAYS);
}

static long slot_of(enum native_table table, struct wg_flow_head* head) {
  const __u32 bytes = table_entry_bytes(kind_of(table), family_of(table));

  return head ? ((char*)head - (char*)native_head(table, 0)) / bytes : -1;
}

long native_find(enum native_table table, enum native_direction direction, const struct native_key* key, __u8 protocol,
                 struct native_hit* hit) {
  const struct wg_flow_place place = native_place(table, key, protocol);
  const struct table_key* wanted = (const struct table_key*)key;
  struct table_hit* found = (struct table_hit*)hit;

  return slot_of(table, table_find(kind_of(table), family_of(table), direction, &place, wanted, found));
}

int native_delete(enum native_table table, __u32 slot, __u32 verified) {
  return table_delete(native_head(table, slot), verified);
}

void native_set_state(enum native_table table, __u32 slot, __u32 verified, __u32 state) {
  table_set_state(native_head(table, slot), verified, state);
}

int native_touch(enum native_table table, __u32 slot) {
  return table_touch(native_head(table, slot), (__u32)bpf_jiffies64());
}

__s64 native_life(enum native_table table, __u32 word, __u32 seen, __u32 now) {
  return insert_life(kind_of(table), word, seen, now);
}

__u32 native_next_state(__u32 state, enum native_direction direction, __u8 protocol, __u8 tcp_flags) {
  return flow_next_state(state, direction, protocol, tcp_flags);
}

__u16 native_checksum(__u16 check, const __u32* before, const __u32* after, __u32 words) {
  __u64 difference = 0;

  for (__u32 i = 0; i < words; i++) difference = nat_replace(difference, before[i], after[i]);
  return nat_checksum(check, difference);
}

__u32 native_sctp_change(__u32 change, __u32 bytes) { return sctp_checksum_change(change, bytes); }

int native_xdp(void* frame, __u32 bytes, __u32 ifindex) {
  struct xdp_md context = {
      .data = (__u32)(long)frame, .data_end = (__u32)(long)frame + bytes, .ingress_ifindex = ifindex};

  return xdp_ingress(&context);
}
