/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 * SCTP's checksum when ports change: a CRC32c over the whole SCTP packet, but not over the addresses (RFC 9260). The
 * CRC is linear, so nobody has to read the packet: the change of the first four bytes, carried over the bytes behind
 * them, is the change of the CRC. Called by nat.h's users; decides nothing.
 */
#pragma once

#include "lib/nat.h"

#define SCTP_POLYNOMIAL 0x82f63b78u /* CRC32c, lowest power in the highest bit */

/* x^(8 * digit * 16^place): what `digit` of a length in base 16 multiplies the rest of a CRC by. Numbers are
 * polynomials modulo the CRC's; tests/native/sctp_test.cc compares what comes out with a CRC of every byte. */
#define SCTP_DIGITS 4
static const __u32 sctp_powers[SCTP_DIGITS][16] = {
    {0x80000000, 0x00800000, 0x00008000, 0x00000080, 0x82f63b78, 0xfbc3faf9, 0x8b277743, 0x52a0c93f, 0x6ea2d55c,
     0x1c08b7d6, 0xf56e0ef4, 0x34019664, 0xa66805eb, 0x7a1f6b24, 0xe75d06aa, 0xc94ec098},
    {0x80000000, 0x18b8ea18, 0x510ac59a, 0xb2dea967, 0xb82be955, 0x36c41f1c, 0x19b29a35, 0xc9e90b9e, 0xb8fdb1e7,
     0xe55ef1f3, 0x1fe0b5c3, 0xe0553f1e, 0x18e4a304, 0x2b830011, 0x56993a31, 0x0246e2e6},
    {0x80000000, 0x88e56f72, 0x74c360a4, 0x631bb273, 0xe4172b16, 0x71892b1b, 0x835305c9, 0x196b1eae, 0x0d65762a,
     0xafc81338, 0xb5a50ab7, 0xf373c3ac, 0x5f60970f, 0xd46d3063, 0x3a5275ea, 0x02331c01},
    {0x80000000, 0x35d73a62, 0x28461564, 0x43eefc9f, 0xbf455269, 0x5edcdeb9, 0x65059450, 0x4e6f41a4, 0xe2ea32dc,
     0xf5b95b32, 0x695a4c87, 0xf204502c, 0x9a4f01b6, 0x941a0916, 0x4303cb97, 0x4c3d3d65},
};

/* All ones where the bit is set: a branch here would double the verifier's work at every step. */
WG_INLINE __u32 sctp_mask(__u32 bit)
{
	__u32 mask = -(bit & 1);

	OPAQUE(mask);
	return mask;
}

WG_INLINE __u32 sctp_multiply(__u32 a, __u32 b)
{
	__u32 product = 0;

#pragma nounroll
	for (int i = 0; i < 32; i++) {
		OPAQUE(i);
		product ^= b & sctp_mask(a >> 31);
		b = b >> 1 ^ (SCTP_POLYNOMIAL & sctp_mask(b));
		a <<= 1;
	}
	return product;
}

/* What the checksum field of an SCTP packet of `bytes` bytes changes by (exclusive or) if its first four do so by
 * `change`; both as they lie in memory, read in little-endian order. Lengths up to 64 KiB. */
WG_GLOBAL __u32 sctp_checksum_change(__u32 change, __u32 bytes)
{
#pragma nounroll
	for (__u32 place = 0; place < SCTP_DIGITS; place++) {
		__u32 digit = bytes >> place * 4 & 15;

		OPAQUE(place);
		if (digit)
			change = sctp_multiply(sctp_powers[place & (SCTP_DIGITS - 1)][digit & 15], change);
	}
	return change;
}

/* Where its header begins and how long the packet is from there: one number for functions that get nothing but numbers,
 * so that none of a packet's fields needs a place on the stack. */
WG_INLINE __u32 sctp_place(const struct packet *packet)
{
	const __u32 bytes = packet->length - (packet->l4_offset - packet->l3_offset);

	return bytes << 16 | packet->l4_offset;
}

/* parse_sctp_chunk for the packet at sctp_place. */
WG_GLOBAL int sctp_read(wg_context *context, __u32 place, int may_lack_chunk)
{
	return parse_sctp_chunk(packet_at((void *)(long)context->data, place & 0xffff), (void *)(long)context->data_end,
				place >> 16, may_lack_chunk);
}

/* Completes an SCTP packet. may_lack_chunk: for segments that are still together (SKB_GSO_SCTP): they carry data, and
 * pulling their first chunk to the header would tear them apart. */
WG_INLINE int sctp_take(wg_context *context, int may_lack_chunk, struct packet *packet)
{
	const int result = sctp_read(context, sctp_place(packet), may_lack_chunk);

	if (result < 0)
		return result;
	packet->tcp_flags = result;
	return 0;
}

/* Ports and checksum of an SCTP header; difference: the sum of all that changes grows by it. -1: the header is out of
 * reach.
 *
 * A checksum of zero stays: the sender left it to the device (CHECKSUM_PARTIAL with csum_not_inet: packets of this
 * node's sockets, and all of those whose segments are still together), which sums up the packet as it lies there, the
 * field with it. A packet with a checksum of its own has zero there once in 2^32 times, and is then lost. */
WG_INLINE int sctp_write(void *data, void *end, __u32 place, __u32 ports_before, __u32 ports_after, __u64 *difference)
{
	struct sctp_header *sctp = packet_at(data, place & 0xffff);
	__u32 change = 0, checksum;

	if (ports_before != ports_after)
		change = sctp_checksum_change(ports_before ^ ports_after, place >> 16);
	if ((void *)(sctp + 1) > end)
		return -1;
	checksum = sctp->checksum;
	*(__u32 *)sctp = ports_after;
	if (checksum)
		sctp->checksum = checksum ^ change;
	*difference = nat_replace(*difference, ports_before, ports_after);
	*difference = nat_replace(*difference, checksum, sctp->checksum);
	return 0;
}
