// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* The flow table under fire: each run does one random operation on a table far too small for its flows. Every backend
 * address an insert stores is random, and the backend id is a checksum over the whole entry: a lookup that accepts
 * parts of two entries shows a wrong sum. Run from two CPUs at once by flow_stress_test.
 */
#include <linux/bpf.h>

#define WG_THIS_HOOK WG_HOOK_XDP
#include "lib/flow.h"

#include "flow_stress.h"

/* Set by the test before the load, as `settings`. */
const volatile __u32 stress_flows = 64;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, STRESS_CPUS);
	__type(key, __u32);
	__type(value, struct stress_counters);
} stress SEC(".maps");

/* Working memory: requests are too large for the stack. */
struct stress_work {
	struct insert_request request;
	struct table_hit hit;
	struct table_hit reply;
};
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct stress_work);
} work_memory SEC(".maps");

#define COUNT(field) (counters->field += 1)

/* Several flows share a client socket, so that they meet in one set. */
WG_INLINE void choose_flow(__u32 random, struct table_key *key)
{
	const __u32 flow = (__u32)((__u64)(random & 0xffff) * stress_flows >> 16);

	__builtin_memset(key, 0, sizeof(*key));
	key->client[0] = 0x0a000000 + flow / 4;
	key->client_port = 1000 + flow / 4;
	key->frontend = 0x0a600000 + flow % 4;
	key->frontend_port = 80;
}

/* Over everything an entry says, so that any mixture shows. 24 bits, as a backend id has. */
WG_INLINE __u32 checksum(const struct table_key *key, const __u32 *backend, __u16 port, __u16 snat_port)
{
	__u64 sum = (__u64)key->client[0] << 32 | key->frontend;

	sum = wg_hash_round(sum, (__u64)backend[0] << 32 | (__u32)port << 16 | snat_port, 0x9E3779B97F4A7C15ull);
	sum = wg_hash_round(sum, key->client_port, 0xD6E8FEB86659FD93ull);
	return (__u32)(sum >> 40);
}

WG_INLINE int is_whole(const struct table_key *key, const struct table_hit *hit)
{
	return hit->backend == checksum(key, hit->backend_address, hit->backend_port, hit->snat_port) &&
	       hit->frontend == key->frontend && hit->frontend_port == key->frontend_port;
}

/* One way, if it holds the flow: its control word and more. */
WG_GLOBAL __u64 holds(__u32 index, __u32 way, struct insert_request *request)
{
	void *bucket = table_bucket(TABLE_FLOWS, WG_IPV4, index);
	struct wg_flow_head *head;
	struct table_hit hit;

	if (!bucket || !request)
		return 0;
	head = table_way(TABLE_FLOWS, WG_IPV4, bucket, way);
	if (table_try(WG_IPV4, TABLE_REQUEST, head, request->place.want, &request->key, &hit) != LOOK_MATCH)
		return 0;
	return 1ull << 32 | (hit.control & WG_FLOW_IDENTITY);
}

/* 1: two slots held this flow at one moment: the first still does after the second was seen. */
WG_GLOBAL int is_duplicate(struct insert_request *request)
{
	__u64 first = 0;
	__u32 first_index = 0, first_way = 0;

	if (!request)
		return 0;
#pragma nounroll
	for (__u32 i = 0; i < 2 * WG_FLOW_WAYS; i++) {
		__u32 index = i < WG_FLOW_WAYS ? request->place.bucket1 : request->place.bucket2;
		__u64 seen;

		OPAQUE(i);
		seen = holds(index, i, request);
		OPAQUE(first);
		if (!seen)
			continue;
		if (first && holds(first_index, first_way, request) == first)
			return 1;
		first = seen;
		first_index = index;
		first_way = i;
		OPAQUE(first_index);
		OPAQUE(first_way);
	}
	return 0;
}

WG_INLINE void insert(struct stress_counters *counters, struct stress_work *work, __u32 random)
{
	struct insert_request *request = &work->request;
	int result = INSERT_BUSY;

	request->key.backend[0] = bpf_get_prandom_u32();
	request->key.backend_port = random >> 16;
	request->snat_port = bpf_get_prandom_u32();
	request->backend = checksum(&request->key, request->key.backend, request->key.backend_port, request->snat_port);
	request->state = WG_FLOW_HALF_OPEN;
	request->may_evict = 1;
#pragma nounroll
	for (int tries = 0; tries < 3 && result == INSERT_BUSY; tries++) {
		OPAQUE(tries);
		result = insert_flows4(request, &work->hit);
	}
	if (result == INSERT_NEW)
		COUNT(inserted);
	else if (result == INSERT_EVICTED)
		COUNT(evicted);
	else if (result == INSERT_BUSY)
		COUNT(busy);
	else if (result == INSERT_FOUND && !is_whole(&request->key, &work->hit))
		COUNT(mixed);
	if (result == INSERT_FOUND)
		COUNT(found_by_second_look);
	if (is_duplicate(request))
		COUNT(duplicates);
}

/* The flow is there: does its reply lead back to it? Now and then its state changes, or it is deleted. */
WG_INLINE void use(struct stress_counters *counters, struct stress_work *work, struct wg_flow_head *head, __u32 random)
{
	struct table_key *key = &work->request.key;

	COUNT(requests_found);
	if (!is_whole(key, &work->hit))
		COUNT(mixed);
	copy_address(1, key->backend, work->hit.backend_address);
	key->backend_port = work->hit.backend_port;
	if (!table_find(TABLE_FLOWS, WG_IPV4, TABLE_REPLY, &work->request.place, key, &work->reply))
		COUNT(replies_missed);
	else if (COUNT(replies_found), !is_whole(key, &work->reply) || work->reply.backend != work->hit.backend)
		COUNT(mixed);
	if (!(random >> 27))
		table_set_state(head, work->hit.control, WG_FLOW_ESTABLISHED);
	else if (random >> 27 == 1 && table_delete(head, work->hit.control))
		COUNT(deleted);
	else if (random >> 27 == 2 && is_duplicate(&work->request))
		COUNT(duplicates);
}

SEC("xdp")
int stress_once(struct xdp_md *xdp)
{
	const __u32 random = bpf_get_prandom_u32();
	__u32 cpu = bpf_get_smp_processor_id() & (STRESS_CPUS - 1);
	__u32 zero = 0;
	struct stress_counters *counters = bpf_map_lookup_elem(&stress, &cpu);
	struct stress_work *work = bpf_map_lookup_elem(&work_memory, &zero);
	struct wg_flow_head *head;

	if (!counters || !work)
		return XDP_ABORTED;
	COUNT(operations);
	__builtin_memset(&work->request, 0, sizeof(work->request));
	choose_flow(random, &work->request.key);
	work->request.place =
	    flow_place(WG_IPV4, work->request.key.client, work->request.key.client_port, WG_PROTOCOL_TCP);
	head = table_find(TABLE_FLOWS, WG_IPV4, TABLE_REQUEST, &work->request.place, &work->request.key, &work->hit);
	if (head)
		use(counters, work, head, random);
	else
		insert(counters, work, random);
	return XDP_PASS;
}

char program_license[] SEC("license") = "Dual BSD/GPL";
