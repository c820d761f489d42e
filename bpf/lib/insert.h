/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 * Putting a new entry into a set-associative table: choose a victim, claim, look a second time, publish.
 *
 * The victim is the entry with the least life left: free, then expired, closing, half-open, at last the oldest. Of two
 * buckets the one with more free or expired slots is taken.
 */
#pragma once

#include "lib/table.h"

enum insert_result {
	INSERT_NEW = 0,     /* published in a free or expired slot */
	INSERT_EVICTED = 1, /* published; a live flow made room */
	INSERT_FOUND = 2,   /* another CPU was first: `hit` is its entry */
	INSERT_AMBIGUOUS =
	    3,           /* an entry of the same client has the same backend: the replies could not be told apart */
	INSERT_FULL = 4, /* no free slot, and evicting is not allowed or not wise */
	INSERT_BUSY = 5, /* lost a race: try again */
};

/* Live flows of one client socket in its set before it goes to the spill table instead of evicting others. */
#define INSERT_SPILL_OWNED 4u

#define LIFE_FREE (-(1ll << 40))
#define LIFE_BUSY (1ll << 40)

struct insert_victim {
	__s64 life; /* jiffies left * 16 + way; the least of the bucket */
	__u32 control;
	__u32 free; /* free or expired slots of the bucket */
};

/* What to insert. `key` says who and to which backend; the rest is what the entry shall answer. */
struct insert_request {
	struct table_key key;
	struct wg_flow_place place;
	__be32 third[WG_ADDRESS_WORDS]; /* snat6: the client's address */
	__u32 backend;                  /* as wg_flow_head.backend */
	__be16 snat_port;
	__u8 state;                 /* WG_FLOW_HALF_OPEN ... */
	__u8 may_evict;             /* live entries may make room */
	__u8 may_spill;             /* rather go to the spill table than evict when the client owns much of the set */
	struct insert_victim first; /* working memory */
	struct insert_victim second;
};

/* Jiffies an entry has left: below zero when expired, far below when free, far above while being filled. Without
 * branches: the verifier would walk every combination of the ways of a bucket. */
WG_INLINE __s64 insert_life(__u32 kind, __u32 control, __u32 seen, __u32 now)
{
	const __s32 age = now - seen;
	__s64 is_valid = -(__s64)(control / WG_FLOW_VALID & 1); /* all ones, or nought */
	__s64 unfilled = LIFE_FREE + (__s64)(control & WG_FLOW_BUSY) * (LIFE_BUSY - LIFE_FREE);
	__s64 lifetime = (__s64)settings.flow_lifetime_s[wg_flow_lifetime_index(control) & (WG_FLOW_LIFETIMES - 1)];

	if (kind == TABLE_SNAT)
		lifetime += WG_SNAT_LINGER_S;
	OPAQUE(is_valid);
	OPAQUE(unfilled);
	return ((lifetime * settings.hz - age) & is_valid) | (unfilled & ~is_valid);
}

/* The entry with the least life left in one bucket. Without branches, too. */
WG_INLINE int pick_victim(__u32 kind, __u32 family, __u32 index, struct insert_victim *victim)
{
	void *bucket = table_bucket(kind, family, index);
	const __u32 now = bpf_jiffies64();
	__s64 least = 1ll << 60;
	__u32 found = 0, free = 0;

	if (!bucket)
		return 0;
#pragma nounroll
	for (__u32 way = 0; way < WG_FLOW_WAYS; way++) {
		struct wg_flow_head *head;
		__u32 control;
		__s64 life, less;

		OPAQUE(way);
		head = table_way(kind, family, bucket, way);
		control = LOAD(head->control);
		life = insert_life(kind, control, LOAD(head->seen), now);
		free += (__u64)life >> 63;
		life = life * 16 + way;
		less = life - least;
		OPAQUE(less);
		less >>= 63;
		OPAQUE(less);
		least += (life - least) & less;
		found ^= (found ^ control) & (__u32)less;
	}
	victim->life = least;
	victim->control = found;
	victim->free = free;
	return 1;
}

/* Both buckets of a place. */
WG_INLINE int pick_victims(__u32 kind, __u32 family, struct insert_request *request)
{
	if (!request)
		return 0;
	return pick_victim(kind, family, request->place.bucket1, &request->first) &&
	       pick_victim(kind, family, request->place.bucket2, &request->second);
}

#define RECHECK_CLEAR     0
#define RECHECK_FOUND     1
#define RECHECK_WAIT      2
#define RECHECK_AMBIGUOUS 3

/* An entry with the same reply: dead ones are taken out of the way. */
WG_INLINE int recheck_ambiguous(__u32 kind, struct wg_flow_head *head, __u32 control, __u32 now)
{
	if (insert_life(kind, control, LOAD(head->seen), now) >= 0 && (control & WG_FLOW_STATE_MASK) != WG_FLOW_CLOSED)
		return RECHECK_AMBIGUOUS;
	return table_delete(head, control) ? RECHECK_CLEAR : RECHECK_WAIT;
}

/* What a valid entry with the tag of the new flow means for it. */
WG_INLINE int recheck_meaning(__u32 kind, __u32 family, const struct table_body *body,
			      const struct insert_request *request)
{
	if (kind == TABLE_FLOWS && table_matches(family, TABLE_REQUEST, body, &request->key))
		return RECHECK_FOUND;
	return table_matches(family, TABLE_REPLY, body, &request->key) ? RECHECK_AMBIGUOUS : RECHECK_CLEAR;
}

WG_INLINE int recheck_one(__u32 kind, __u32 family, struct wg_flow_head *head, const struct insert_request *request,
			  struct table_hit *hit, __u32 now)
{
	const __u32 control = LOAD(head->control);
	struct table_body body;
	int meaning;

	if ((control ^ request->place.want) & (WG_FLOW_TAG_MASK | WG_FLOW_PROTOCOL_MASK))
		return RECHECK_CLEAR;
	if ((control & WG_FLOW_STATE_MASK) == WG_FLOW_BUSY)
		return RECHECK_WAIT;
	if (!(control & WG_FLOW_VALID))
		return RECHECK_CLEAR;
	table_read_body(family, head, control, &body);
	meaning = recheck_meaning(kind, family, &body, request);
	if (meaning == RECHECK_CLEAR)
		return RECHECK_CLEAR;
	if ((LOAD(AT(head, DEPENDS_ON(body.loaded))->control) ^ control) & WG_FLOW_IDENTITY)
		return RECHECK_WAIT;
	if (meaning == RECHECK_AMBIGUOUS)
		return recheck_ambiguous(kind, head, control, now);
	table_fill_hit(family, &body, hit);
	hit->control = control;
	return RECHECK_FOUND;
}

/* After the claim: is the flow, or one that its replies would be mistaken for, in another slot or on its way into one?
 */
WG_INLINE int recheck_bucket(__u32 kind, __u32 family, __u32 index, __u32 mine, struct insert_request *request,
			     struct table_hit *hit)
{
	void *bucket = table_bucket(kind, family, index);
	const __u32 now = bpf_jiffies64();
	int worst = RECHECK_CLEAR;

	if (!bucket)
		return RECHECK_WAIT;
#pragma nounroll
	for (__u32 way = 0; way < WG_FLOW_WAYS; way++) {
		int result;

		OPAQUE(way);
		if (way == mine)
			continue;
		result = recheck_one(kind, family, table_way(kind, family, bucket, way), request, hit, now);
		if (result == RECHECK_FOUND || result == RECHECK_WAIT)
			return result;
		if (result == RECHECK_AMBIGUOUS)
			worst = result;
		OPAQUE(worst);
	}
	return worst;
}

/* Live entries of the same client socket in one bucket. */
WG_INLINE __u32 owned_in_bucket(__u32 kind, __u32 family, __u32 index, const struct insert_request *request)
{
	void *bucket = table_bucket(kind, family, index);
	__u32 owned = 0;

	if (!bucket || !request)
		return 0;
#pragma nounroll
	for (__u32 way = 0; way < WG_FLOW_WAYS; way++) {
		struct wg_flow_head *head;
		__u32 same;

		OPAQUE(way);
		head = table_way(kind, family, bucket, way);
		same = !((LOAD(head->control) ^ request->place.want) & WG_FLOW_FILTER) &&
		       LOAD(head->client_port) == request->key.client_port &&
		       same_address(address_words(family), table_addresses(head), request->key.client);
		OPAQUE(same);
		owned += same;
	}
	return owned;
}

/* The heavy steps as global functions: verified once for each table instead of at every call. */
#define INSERT_STEPS(suffix, kind, family)                                                                             \
	WG_GLOBAL int recheck_##suffix(__u32 index, __u32 mine, struct insert_request *request, struct table_hit *hit) \
	{                                                                                                              \
		if (!request || !hit)                                                                                  \
			return RECHECK_WAIT;                                                                           \
		return recheck_bucket(kind, family, index, mine, request, hit);                                        \
	}                                                                                                              \
	WG_GLOBAL int pick_##suffix(struct insert_request *request)                                                    \
	{                                                                                                              \
		return pick_victims(kind, family, request);                                                            \
	}                                                                                                              \
	WG_GLOBAL int owned_##suffix(__u32 index, struct insert_request *request)                                      \
	{                                                                                                              \
		return owned_in_bucket(kind, family, index, request);                                                  \
	}
INSERT_STEPS(flows4, TABLE_FLOWS, WG_IPV4)
INSERT_STEPS(flows6, TABLE_FLOWS, WG_IPV6)
INSERT_STEPS(snat4, TABLE_SNAT, WG_IPV4)
INSERT_STEPS(snat6, TABLE_SNAT, WG_IPV6)

WG_INLINE int insert_recheck(__u32 kind, __u32 family, __u32 index, __u32 mine, struct insert_request *request,
			     struct table_hit *hit)
{
	if (kind == TABLE_FLOWS)
		return family == WG_IPV4 ? recheck_flows4(index, mine, request, hit)
					 : recheck_flows6(index, mine, request, hit);
	return family == WG_IPV4 ? recheck_snat4(index, mine, request, hit) : recheck_snat6(index, mine, request, hit);
}

/* Looks over both buckets, but not at the own way (`mine*`, WG_FLOW_WAYS: none) of either. */
WG_INLINE int insert_look(__u32 kind, __u32 family, struct insert_request *request, struct table_hit *hit, __u32 mine1,
			  __u32 mine2)
{
	int first = insert_recheck(kind, family, request->place.bucket1, mine1, request, hit);
	int second = RECHECK_CLEAR;

	if (first == RECHECK_CLEAR || first == RECHECK_AMBIGUOUS)
		second = insert_recheck(kind, family, request->place.bucket2, mine2, request, hit);
	return second == RECHECK_CLEAR ? first : second;
}

WG_INLINE int insert_pick(__u32 kind, __u32 family, struct insert_request *request)
{
	if (kind == TABLE_FLOWS)
		return family == WG_IPV4 ? pick_flows4(request) : pick_flows6(request);
	return family == WG_IPV4 ? pick_snat4(request) : pick_snat6(request);
}

WG_INLINE __u32 insert_owned(__u32 kind, __u32 family, struct insert_request *request)
{
	if (kind == TABLE_SNAT)
		return 0;
	if (family == WG_IPV4)
		return owned_flows4(request->place.bucket1, request) + owned_flows4(request->place.bucket2, request);
	return owned_flows6(request->place.bucket1, request) + owned_flows6(request->place.bucket2, request);
}

WG_INLINE void insert_store_body(__u32 kind, __u32 family, struct wg_flow_head *head,
				 const struct insert_request *request)
{
	const __u32 words = address_words(family);
	__u32 *address = table_addresses(head);

	STORE(head->backend, request->backend);
	STORE(head->frontend, request->key.frontend);
	STORE(head->client_port, request->key.client_port);
	STORE(head->frontend_port, request->key.frontend_port);
	STORE(head->backend_port, request->key.backend_port);
	STORE(head->snat_port, request->snat_port);
#pragma unroll
	for (__u32 i = 0; i < WG_ADDRESS_WORDS; i++)
		if (i < words) {
			STORE(address[i], request->key.client[i]);
			STORE(address[words + i], request->key.backend[i]);
			if (kind == TABLE_SNAT && family == WG_IPV6)
				STORE(address[2 * words + i], request->third[i]);
		}
	STORE(head->seen, (__u32)bpf_jiffies64());
}

/* Addition instead of a store, because the spill bit may be set at any time. The result is used so that the compiler
 * takes the fetching form: a full barrier, which the plain form is not on arm64. */
WG_INLINE void insert_add_control(struct wg_flow_head *head, __u32 difference)
{
	__u32 before = __sync_fetch_and_add(&head->control, difference);

	OPAQUE(before);
}

/* What becomes of an insert after the second look; `clear`: if nothing was in its way. */
WG_INLINE int insert_outcome(int look, int clear)
{
	if (look == RECHECK_CLEAR)
		return clear;
	if (look == RECHECK_FOUND)
		return INSERT_FOUND;
	return look == RECHECK_AMBIGUOUS ? INSERT_AMBIGUOUS : INSERT_BUSY;
}

/* Claims the victim, looks again, publishes. RECHECK_* of the second look; RECHECK_CLEAR: published. */
WG_INLINE int insert_claim(__u32 kind, __u32 family, int is_second, struct insert_request *request,
			   struct table_hit *hit)
{
	const struct insert_victim *victim = &request->first;
	void *bucket = table_bucket(kind, family, is_second ? request->place.bucket2 : request->place.bucket1);
	const __u32 way = victim->life & (WG_FLOW_WAYS - 1);
	struct wg_flow_head *head;
	const __u32 kept = (victim->control & (WG_FLOW_GENERATION_MASK | WG_FLOW_SPILLED)) + WG_FLOW_GENERATION_ONE;
	const __u32 busy = kept | (request->place.want & (WG_FLOW_TAG_MASK | WG_FLOW_PROTOCOL_MASK)) | WG_FLOW_BUSY;
	int look;

	if (!bucket)
		return RECHECK_WAIT;
	head = table_way(kind, family, bucket, way);
	if (__sync_val_compare_and_swap(&head->control, victim->control, busy) != victim->control)
		return RECHECK_WAIT;
	look = insert_look(kind, family, request, hit, is_second ? WG_FLOW_WAYS : way, is_second ? way : WG_FLOW_WAYS);
	if (look != RECHECK_CLEAR) {
		insert_add_control(head, kept - busy);
		return look;
	}
	insert_store_body(kind, family, head, request);
	insert_add_control(head, (__u32)request->state - WG_FLOW_BUSY);
	return RECHECK_CLEAR;
}

/* The bucket to use: the one with more free slots, the first on a tie; without any, the one with the lesser life. */
WG_INLINE int insert_prefers_second(const struct insert_victim *first, const struct insert_victim *second)
{
	return second->free > first->free || (!first->free && second->life < first->life);
}

/* One try. INSERT_BUSY: lost a race, try again. */
WG_INLINE int insert_entry(__u32 kind, __u32 family, struct insert_request *request, struct table_hit *hit)
{
	struct insert_victim *victim;
	int is_second;

	if (!request || !hit)
		return INSERT_BUSY;
	if (!insert_pick(kind, family, request))
		return INSERT_BUSY;
	is_second = insert_prefers_second(&request->first, &request->second);
	if (is_second)
		request->first = request->second;
	victim = &request->first;
	if (!victim->free && !request->may_evict)
		return INSERT_FULL;
	if (!victim->free && request->may_spill && insert_owned(kind, family, request) >= INSERT_SPILL_OWNED)
		return insert_outcome(insert_look(kind, family, request, hit, WG_FLOW_WAYS, WG_FLOW_WAYS), INSERT_FULL);
	if (victim->life >= LIFE_BUSY)
		return INSERT_BUSY;
	return insert_outcome(insert_claim(kind, family, is_second, request, hit),
			      victim->free ? INSERT_NEW : INSERT_EVICTED);
}

#define INSERT_FUNCTION(suffix, kind, family)                                                                          \
	WG_GLOBAL int insert_##suffix(struct insert_request *request, struct table_hit *hit)                           \
	{                                                                                                              \
		return insert_entry(kind, family, request, hit);                                                       \
	}
INSERT_FUNCTION(flows4, TABLE_FLOWS, WG_IPV4)
INSERT_FUNCTION(flows6, TABLE_FLOWS, WG_IPV6)
INSERT_FUNCTION(snat4, TABLE_SNAT, WG_IPV4)
INSERT_FUNCTION(snat6, TABLE_SNAT, WG_IPV6)
