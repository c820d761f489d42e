// SPDX-License-Identifier: Apache-2.0
// One decoder for each kind of object, called by decode_documents() only. They note what is wrong in the root field's
// findings; an object with errors is thrown away whole. Nothing is answered for an object that is valid but not for
// Waggle.
#pragma once

#include <fmt/format.h>

#include <optional>
#include <string>
#include <string_view>

#include "model/state.h"
#include "source/field.h"

namespace waggle {

std::optional<Event> decode_service(const Field& root, const ObjectName& name);
std::optional<Event> decode_endpoint_slice(const Field& root, const ObjectName& name);
std::optional<Event> decode_node(const Field& root, const ObjectName& name);
std::optional<Event> decode_service_cidr(const Field& root, const ObjectName& name);

// metadata.resourceVersion
std::string resource_version_of(const Field& root);

// What a slice may leave out, which the API allows and no service can use.
inline constexpr char kNoAddress[] = "is empty; the endpoint is left out";
inline constexpr char kNoPortName[] = "is missing, so that no port of a service is meant; it is left out";
inline constexpr char kNoPortNumber[] = "is missing, which means all ports, which services do not have; it is left out";
inline constexpr char kPortZero[] = "0 means all ports, which services do not have; it is left out";

// Of a load balancer's address.
inline std::string unknown_ip_mode(std::string_view mode) {
  return fmt::format("\"{}\" is neither VIP nor Proxy, so the load balancer's address is not served; correct it", mode);
}

// The longest name of a port, a service or a namespace, and of other objects, as the API has it.
constexpr size_t kLongestLabel = 63;
constexpr size_t kLongestSubdomain = 253;

}  // namespace waggle
