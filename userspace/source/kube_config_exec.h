// SPDX-License-Identifier: Apache-2.0
// The exec section of a kubeconfig's user. For the kubeconfig's reader.
#pragma once

#include <string>

#include "source/field.h"
#include "source/kube_config.h"
#include "source/tree.h"

namespace waggle {

// The section as written; the path of the command is not made absolute yet.
KubeExec read_exec_section(const Field& exec);
// What a cluster holds for exec programs in its extensions, as JSON; "" if nothing.
std::string exec_cluster_config(const Value& kubeconfig, const std::string& cluster);

}  // namespace waggle
