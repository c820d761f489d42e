// SPDX-License-Identifier: Apache-2.0
// Words for failed system calls. Used inside dataplane/ only.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace waggle {

std::string error_words(int code);  // "No such file or directory" for ENOENT (or -ENOENT)

// "what: words"; adds what is missing (capabilities, a seccomp profile that lets it) when it was not permitted.
tl::unexpected<Error> system_failure(std::string_view what, int code);

// "CAP_BPF, CAP_NET_ADMIN" of those this process lacks; empty if it has them all.
std::string missing_capabilities();

// Whether this process has CAP_SYS_ADMIN, which only kernels without tcx ask for (see tc_attach.h).
bool has_system_admin();

}  // namespace waggle
