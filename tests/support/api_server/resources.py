# SPDX-License-Identifier: Apache-2.0
"""The resources the server has: their paths, kinds and the fields that selectors may name."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Resource:
    name: str
    group: str
    version: str
    kind: str
    namespaced: bool
    empty: dict  # what the real server puts beside the metadata of a bookmark's object
    fields: tuple = ()  # selectable beside metadata.name and metadata.namespace
    default_fields: bool = False  # takes the general words for a field that is not selectable

    @property
    def api_version(self):
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def qualified(self):
        """The name in the words of the real server's errors: services, endpointslices.discovery.k8s.io."""
        return f"{self.name}.{self.group}" if self.group else self.name

    def key(self, namespace, name):
        return f"{namespace}/{name}" if self.namespaced else name

    def path(self, namespace="", name=""):
        root = f"/apis/{self.api_version}" if self.group else f"/api/{self.version}"
        scope = f"/namespaces/{namespace}" if namespace and self.namespaced else ""
        return f"{root}{scope}/{self.name}" + (f"/{name}" if name else "")


_NODE_INFO = ("machineID", "systemUUID", "bootID", "kernelVersion", "osImage", "containerRuntimeVersion",
              "kubeletVersion", "kubeProxyVersion", "operatingSystem", "architecture")

RESOURCES = {
    resource.name: resource for resource in (
        Resource("services", "", "v1", "Service", True, {"spec": {}, "status": {"loadBalancer": {}}},
                 ("spec.clusterIP", "spec.type")),
        Resource("endpointslices", "discovery.k8s.io", "v1", "EndpointSlice", True,
                 {"addressType": "", "endpoints": None, "ports": None}, default_fields=True),
        Resource("nodes", "", "v1", "Node", False,
                 {"spec": {}, "status": {"daemonEndpoints": {"kubeletEndpoint": {"Port": 0}},
                                         "nodeInfo": dict.fromkeys(_NODE_INFO, "")}},
                 ("spec.unschedulable",)),
        Resource("servicecidrs", "networking.k8s.io", "v1", "ServiceCIDR", False, {"spec": {}, "status": {}},
                 default_fields=True),
        Resource("namespaces", "", "v1", "Namespace", False, {"spec": {}, "status": {}}),
        Resource("events", "events.k8s.io", "v1", "Event", True, {}),
    )
}


def find(kind, api_version=None):
    """The resource of an object's kind."""
    for resource in RESOURCES.values():
        if resource.kind == kind and api_version in (None, resource.api_version):
            return resource
    raise ValueError(f"no resource here holds objects of kind {kind!r} in {api_version!r}")
