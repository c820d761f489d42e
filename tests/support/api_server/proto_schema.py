# SPDX-License-Identifier: Apache-2.0
"""The Kubernetes messages this server speaks, by the API's field numbers, written apart from the ones of userspace/ so
that the two check each other.

One line a message: `number name type`, separated by commas. `?` after the type: written only when the object has it
(a pointer in the API's Go types); without it a field is written even when it is empty, as the real server does. `[]`
before the type: repeated. `{}` before it: a map from string.
"""

MESSAGES = """
ListMeta: 1 selfLink string, 2 resourceVersion string, 3 continue string, 4 remainingItemCount int?
ObjectMeta: 1 name string, 2 generateName string, 3 namespace string, 4 selfLink string, 5 uid string,
  6 resourceVersion string, 7 generation int, 8 creationTimestamp Time, 9 deletionTimestamp Time?,
  10 deletionGracePeriodSeconds int?, 11 labels {}string, 12 annotations {}string, 13 ownerReferences []OwnerReference,
  14 finalizers []string, 17 managedFields []ManagedFieldsEntry
OwnerReference: 1 kind string, 3 name string, 4 uid string, 5 apiVersion string, 6 controller bool?,
  7 blockOwnerDeletion bool?
ManagedFieldsEntry: 1 manager string, 2 operation string, 3 apiVersion string, 4 time Time?, 6 fieldsType string,
  7 fieldsV1 RawJson?, 8 subresource string
Condition: 1 type string, 2 status string, 3 observedGeneration int, 4 lastTransitionTime Time, 5 reason string,
  6 message string
ObjectReference: 1 kind string, 2 namespace string, 3 name string, 4 uid string, 5 apiVersion string,
  6 resourceVersion string, 7 fieldPath string

Service: 1 metadata ObjectMeta, 2 spec ServiceSpec, 3 status ServiceStatus
ServiceSpec: 1 ports []ServicePort, 2 selector {}string, 3 clusterIP string, 4 type string, 5 externalIPs []string,
  7 sessionAffinity string, 8 loadBalancerIP string, 9 loadBalancerSourceRanges []string, 10 externalName string,
  11 externalTrafficPolicy string, 12 healthCheckNodePort int, 13 publishNotReadyAddresses bool,
  14 sessionAffinityConfig SessionAffinityConfig?, 17 ipFamilyPolicy string?, 18 clusterIPs []string,
  19 ipFamilies []string, 20 allocateLoadBalancerNodePorts bool?, 21 loadBalancerClass string?,
  22 internalTrafficPolicy string?, 23 trafficDistribution string?
ServicePort: 1 name string, 2 protocol string, 3 port int, 4 targetPort IntOrString, 5 nodePort int,
  6 appProtocol string?
SessionAffinityConfig: 1 clientIP ClientIPConfig?
ClientIPConfig: 1 timeoutSeconds int?
ServiceStatus: 1 loadBalancer LoadBalancerStatus, 2 conditions []Condition
LoadBalancerStatus: 1 ingress []LoadBalancerIngress
LoadBalancerIngress: 1 ip string, 2 hostname string, 3 ipMode string?, 4 ports []PortStatus
PortStatus: 1 port int, 2 protocol string, 3 error string?

EndpointSlice: 1 metadata ObjectMeta, 2 endpoints []Endpoint, 3 ports []EndpointPort, 4 addressType string
Endpoint: 1 addresses []string, 2 conditions EndpointConditions, 3 hostname string?, 4 targetRef ObjectReference?,
  5 deprecatedTopology {}string, 6 nodeName string?, 7 zone string?, 8 hints EndpointHints?
EndpointConditions: 1 ready bool?, 2 serving bool?, 3 terminating bool?
EndpointHints: 1 forZones []ForZone, 2 forNodes []ForNode
ForZone: 1 name string
ForNode: 1 name string
EndpointPort: 1 name string?, 2 protocol string?, 3 port int?, 4 appProtocol string?

Node: 1 metadata ObjectMeta, 2 spec NodeSpec, 3 status NodeStatus
NodeSpec: 1 podCIDR string, 2 externalID string, 3 providerID string, 4 unschedulable bool, 5 taints []Taint,
  7 podCIDRs []string
Taint: 1 key string, 2 value string, 3 effect string, 4 timeAdded Time?
NodeStatus: 1 capacity {}Quantity, 2 allocatable {}Quantity, 3 phase string, 4 conditions []NodeCondition,
  5 addresses []NodeAddress, 6 daemonEndpoints NodeDaemonEndpoints, 7 nodeInfo NodeSystemInfo,
  8 images []ContainerImage, 9 volumesInUse []string
NodeCondition: 1 type string, 2 status string, 3 lastHeartbeatTime Time, 4 lastTransitionTime Time, 5 reason string,
  6 message string
NodeAddress: 1 type string, 2 address string
NodeDaemonEndpoints: 1 kubeletEndpoint DaemonEndpoint
DaemonEndpoint: 1 Port int
NodeSystemInfo: 1 machineID string, 2 systemUUID string, 3 bootID string, 4 kernelVersion string, 5 osImage string,
  6 containerRuntimeVersion string, 7 kubeletVersion string, 8 kubeProxyVersion string, 9 operatingSystem string,
  10 architecture string
ContainerImage: 1 names []string, 2 sizeBytes int

ServiceCIDR: 1 metadata ObjectMeta, 2 spec ServiceCIDRSpec, 3 status ServiceCIDRStatus
ServiceCIDRSpec: 1 cidrs []string
ServiceCIDRStatus: 1 conditions []Condition

Namespace: 1 metadata ObjectMeta, 2 spec NamespaceSpec, 3 status NamespaceStatus
NamespaceSpec: 1 finalizers []string
NamespaceStatus: 1 phase string, 2 conditions []Condition

Event: 1 metadata ObjectMeta, 2 eventTime Time, 3 series EventSeries?, 4 reportingController string,
  5 reportingInstance string, 6 action string, 7 reason string, 8 regarding ObjectReference,
  9 related ObjectReference?, 10 note string, 11 type string, 12 deprecatedSource EventSource,
  13 deprecatedFirstTimestamp Time, 14 deprecatedLastTimestamp Time, 15 deprecatedCount int
EventSeries: 1 count int, 2 lastObservedTime Time
EventSource: 1 component string, 2 host string

Status: 1 metadata ListMeta, 2 status string, 3 message string, 4 reason string, 5 details StatusDetails?, 6 code int
StatusDetails: 1 name string, 2 group string, 3 kind string, 4 causes []StatusCause, 5 retryAfterSeconds int,
  6 uid string
StatusCause: 1 reason string, 2 message string, 3 field string
"""


def parse(text):
    """{message: [(number, name, container, type, optional)]}; the container is "", "[]" or "{}"."""
    messages = {}
    for block in text.replace("\n  ", " ").splitlines():
        if not block.strip():
            continue
        name, fields = block.split(":", 1)
        messages[name] = [_field(field.split()) for field in fields.split(",")]
    return messages


def _field(words):
    number, name, kind = words
    container = kind[:2] if kind[:2] in ("[]", "{}") else ""
    return int(number), name, container, kind[len(container):].rstrip("?"), kind.endswith("?")
