// SPDX-License-Identifier: Apache-2.0
// The packets of scenarios, on the network of private_node.h. For reference_*.cc.
#pragma once

#include "support/packet_builder.h"
#include "support/reference/scenario.h"

namespace waggle {

// The link behind which an address is, and the one by which a client's packets come in.
uint32_t link_of(const IpAddress& address);
uint32_t link_of(reference::Link link);
std::string node_address(uint32_t link, Family family);

PacketSpec spec_of(const reference::AddressPort& source, const reference::AddressPort& destination,
                   const reference::PacketStep& step);
// A packet of a flow from here to there, and one back.
PacketSpec between(const reference::AddressPort& source, const reference::AddressPort& destination, Protocol protocol);
PacketSpec answer_to(PacketSpec spec);
reference::AddressPort place_of(const std::string& address, uint16_t port);
// The link's own: what is for another does not go past the stack.
Mac mac_of(uint32_t uplink);
// As XDP sends a packet out by an uplink.
void send_on(PacketSpec& spec, uint32_t link);
// An echo request of the client, or the answer to it.
Bytes echo(const PacketSpec& spec, bool is_answer);
// What the client is told when its packet is rejected.
Bytes rejection(const PacketSpec& spec, const reference::PacketStep& step);

}  // namespace waggle
