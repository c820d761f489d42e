// SPDX-License-Identifier: Apache-2.0
// Events for people who look at the cluster (kubectl get events): bodies of events.k8s.io/v1 Event in JSON, as
// kube-proxy reports them (contract 3.9). Pure; whoever talks to the API server posts them. A failure to post never
// matters.
#pragma once

#include <string>

#include "model/state.h"
#include "server/moment.h"

namespace waggle {

// To be posted to /apis/events.k8s.io/v1/namespaces/NAMESPACE/events.
struct ClusterEvent {
  std::string name_space;
  std::string body;  // JSON
};

// The namespace an event about `regarding` is posted to: the object's own, or "default".
std::string event_namespace(const ObjectName& regarding);

// Normal Starting on the Node: each start, before the first sync.
ClusterEvent starting_event(const std::string& node_name, SystemTime now);
// Warning FailedToStartServiceHealthcheck on the Service.
ClusterEvent service_healthcheck_event(const std::string& node_name, const ObjectName& service, uint16_t port,
                                       const std::string& why, SystemTime now);
// Warning FailedToStartProxierHealthcheck and FailedToStartMetricServer on the Node: bindAddressHardFail.
ClusterEvent health_server_event(const std::string& node_name, const std::string& why, SystemTime now);
ClusterEvent metrics_server_event(const std::string& node_name, const std::string& why, SystemTime now);

// Warning InvalidObject on the object: what is wrong with it. The same words about the same object give an Event of the
// same name, whichever node says them.
ClusterEvent object_problem_event(ObjectKind kind, const ObjectName& object, const std::string& what, SystemTime now);

}  // namespace waggle
