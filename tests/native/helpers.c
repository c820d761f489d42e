/* SPDX-License-Identifier: Apache-2.0 */
#include "helpers.h"

#include <bpf/bpf_helpers.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAX_MAPS 32

struct native_map {
  void* variable;
  __u32 key_size; /* 0: an array */
  __u32 value_size;
  __u32 entries; /* of a hash: in use */
  char* memory;
};

static struct native_map maps[MAX_MAPS];
static __u32 map_count;
static __u64 jiffies;
static __u64 random_state;
static void (*lookup_visitor)(void* context);
static void* lookup_context;
static long route_code;
static struct bpf_fib_lookup route_answer;

static struct native_map* find(void* variable) {
  for (__u32 i = 0; i < map_count; i++)
    if (maps[i].variable == variable) return &maps[i];
  abort(); /* a map no test has made */
}

static struct native_map* add(void* variable) {
  if (map_count == MAX_MAPS) abort();
  maps[map_count].variable = variable;
  return &maps[map_count++];
}

void native_make_array(void* map, __u32 value_size, __u32 entries) {
  struct native_map* made = add(map);
  const size_t bytes = (size_t)value_size * entries;

  made->key_size = 0;
  made->value_size = value_size;
  made->entries = entries;
  made->memory = aligned_alloc(64, (bytes + 63) / 64 * 64);
  memset(made->memory, 0, bytes);
}

void native_make_hash(void* map, __u32 key_size, __u32 value_size) {
  struct native_map* made = add(map);

  made->key_size = key_size;
  made->value_size = value_size;
  made->entries = 0;
  made->memory = NULL;
}

__u32 native_hash_size(void* map) { return find(map)->entries; }

void native_reset(__u32 seed) {
  for (__u32 i = 0; i < map_count; i++) free(maps[i].memory);
  map_count = 0;
  jiffies = 1u << 20;
  random_state = seed;
  lookup_visitor = NULL;
  route_code = BPF_FIB_LKUP_RET_NOT_FWDED;
}

void native_set_jiffies(__u64 now) { jiffies = now; }

void native_on_lookup(void (*visit)(void* context), void* context) {
  lookup_visitor = visit;
  lookup_context = context;
}

void native_set_route(long code, const struct bpf_fib_lookup* answer) {
  route_code = code;
  route_answer = *answer;
}

static void let_others_in(void) {
  void (*visit)(void*) = lookup_visitor;

  if (!visit) return;
  lookup_visitor = NULL;
  visit(lookup_context);
  if (!lookup_visitor) lookup_visitor = visit;
}

static char* hash_entry(struct native_map* map, __u32 index) {
  return map->memory + (size_t)index * (map->key_size + map->value_size);
}

static char* hash_find(struct native_map* map, const void* key) {
  for (__u32 i = 0; i < map->entries; i++)
    if (!memcmp(hash_entry(map, i), key, map->key_size)) return hash_entry(map, i);
  return NULL;
}

void* bpf_map_lookup_elem(void* variable, const void* key) {
  struct native_map* map = find(variable);
  char* entry;
  __u32 index;

  let_others_in();
  if (map->key_size) {
    entry = hash_find(map, key);
    return entry ? entry + map->key_size : NULL;
  }
  memcpy(&index, key, sizeof(index));
  return index < map->entries ? map->memory + (size_t)index * map->value_size : NULL;
}

long bpf_map_update_elem(void* variable, const void* key, const void* value, __u64 flags) {
  struct native_map* map = find(variable);
  char* entry = hash_find(map, key);

  if (entry && flags == BPF_NOEXIST) return -EEXIST;
  if (!entry) {
    map->memory = realloc(map->memory, (size_t)(map->entries + 1) * (map->key_size + map->value_size));
    entry = hash_entry(map, map->entries++);
    memcpy(entry, key, map->key_size);
  }
  memcpy(entry + map->key_size, value, map->value_size);
  return 0;
}

long bpf_map_delete_elem(void* variable, const void* key) {
  struct native_map* map = find(variable);
  char* entry = hash_find(map, key);

  if (!entry) return -ENOENT;
  memmove(entry, hash_entry(map, --map->entries), map->key_size + map->value_size);
  return 0;
}

__u64 bpf_jiffies64(void) { return jiffies; }

/* splitmix64 */
__u32 bpf_get_prandom_u32(void) {
  random_state += 0x9e3779b97f4a7c15ull;
  __u64 x = random_state;
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ x >> 27) * 0x94d049bb133111ebull;
  return (__u32)(x >> 32);
}

long bpf_fib_lookup(void* context, struct bpf_fib_lookup* fib, int size, __u32 flags) {
  (void)context, (void)flags;
  if ((size_t)size < sizeof(*fib)) return -EINVAL;
  fib->ifindex = route_answer.ifindex;
  fib->mtu_result = route_answer.mtu_result;
  memcpy(fib->dmac, route_answer.dmac, sizeof(fib->dmac));
  memcpy(fib->smac, route_answer.smac, sizeof(fib->smac));
  return route_code;
}

long bpf_redirect(__u32 ifindex, __u64 flags) {
  (void)ifindex, (void)flags;
  return XDP_REDIRECT;
}

__u64 bpf_xdp_get_buff_len(struct xdp_md* xdp) { return xdp->data_end - xdp->data; }
