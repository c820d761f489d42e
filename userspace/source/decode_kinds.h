// SPDX-License-Identifier: Apache-2.0
// One decoder for each kind of object, called by decode_documents() only. They note what is wrong in the root field's
// findings; an object with errors is thrown away whole. Nothing is answered for an object that is valid but not for
// Waggle.
#pragma once

#include <optional>

#include "model/state.h"
#include "source/field.h"

namespace waggle {

std::optional<Event> decode_service(const Field& root, const ObjectName& name);
std::optional<Event> decode_endpoint_slice(const Field& root, const ObjectName& name);
std::optional<Event> decode_node(const Field& root, const ObjectName& name);
std::optional<Event> decode_service_cidr(const Field& root, const ObjectName& name);

// metadata.resourceVersion
std::string resource_version_of(const Field& root);

// The longest name of a port, a service or a namespace, and of other objects, as the API has it.
constexpr size_t kLongestLabel = 63;
constexpr size_t kLongestSubdomain = 253;

}  // namespace waggle
