// SPDX-License-Identifier: Apache-2.0
// Visits the attributes of netlink messages: libmnl's own loops are macros that are no C++.
#pragma once

#include <libmnl/libmnl.h>

namespace waggle {

template <typename Visit>
int visit_attribute(const nlattr* attribute, void* visit) {
  (*static_cast<Visit*>(visit))(attribute);
  return MNL_CB_OK;
}

template <typename Visit>
void for_each_attribute(const nlmsghdr* message, size_t header_size, Visit visit) {
  mnl_attr_parse(message, static_cast<unsigned>(header_size), visit_attribute<Visit>, &visit);
}

template <typename Visit>
void for_each_nested(const nlattr* nest, Visit visit) {
  mnl_attr_parse_nested(nest, visit_attribute<Visit>, &visit);
}

inline bool is_u32(const nlattr* attribute) { return mnl_attr_validate(attribute, MNL_TYPE_U32) >= 0; }

}  // namespace waggle
