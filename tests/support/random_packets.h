// SPDX-License-Identifier: Apache-2.0
// Packets at random between given addresses and ports, half of them spoiled, and what must hold of every packet a
// program has seen. Used by the packet and native tests; a seed repeats a run.
#pragma once

#include <random>
#include <string>
#include <vector>

#include "support/packet_fields.h"

namespace waggle {

// A number from the environment, for longer runs and for repeating one.
uint64_t from_environment(const char* name, uint64_t otherwise);

struct PacketPool {
  std::vector<std::string> addresses4 = {};
  std::vector<std::string> addresses6 = {};
  std::vector<std::string> destinations4 = {};  // half of all packets go there
  std::vector<std::string> destinations6 = {};
  std::vector<uint16_t> ports = {};
  std::vector<uint16_t> destination_ports = {};  // three quarters of those packets go to one of these
};

class RandomPackets {
 public:
  RandomPackets(uint64_t seed, PacketPool pool) : random_(seed), pool_(std::move(pool)) {}

  PacketSpec spec();
  IcmpErrorSpec icmp_error();
  Bytes fragment();
  Bytes next();
  uint32_t below(uint32_t limit) { return std::uniform_int_distribution<uint32_t>(0, limit - 1)(random_); }
  template <typename T>
  const T& one_of(const std::vector<T>& choices) {
    return choices[below(static_cast<uint32_t>(choices.size()))];
  }

 private:
  Bytes spoil(Bytes packet);

  std::mt19937_64 random_;
  PacketPool pool_;
  std::vector<Bytes> fragments_ = {};  // still to come, the last one first
};

// The packet with source and destination exchanged, as an answer to it would look; its checksums stay right.
Bytes turned_round(const Bytes& packet);

// What a program may not have done to a packet, in words; empty if it did nothing wrong. forwards: it sent the packet
// on itself, so MAC addresses and TTL may change, too.
std::string broken_rule(const Bytes& in, const Bytes& out, bool forwards);

}  // namespace waggle
