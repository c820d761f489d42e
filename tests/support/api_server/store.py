# SPDX-License-Identifier: Apache-2.0
"""The objects, their versions and the history that watches and older lists are read from. One revision counter for all
resources, like etcd's.
"""

import bisect
import copy
import time
import uuid

import api_status
from encoding import Encoded
from resources import RESOURCES

_HISTORY = 10000  # changes a resource keeps at least; the ones before them are compacted by themselves


class Change:
    """One write. `old` and `new` are Encoded or None."""

    __slots__ = ("version", "key", "old", "new", "sent_ns", "_last")

    def __init__(self, version, key, old, new):
        self.version, self.key, self.old, self.new = version, key, old, new
        self.sent_ns = 0  # CLOCK_MONOTONIC, when a watch last began to write it to its connection
        self._last = None

    def last(self):
        """The old object with the version of this change: what a DELETED event shows."""
        if self._last is None:
            metadata = {**self.old.value["metadata"], "resourceVersion": str(self.version)}
            self._last = Encoded(self.old.resource, {**self.old.value, "metadata": metadata})
        return self._last


class Table:
    """One resource's objects and changes. Owned by the Store."""

    def __init__(self, resource):
        self.resource = resource
        self.entries = {}
        self.changes = []
        self.version = 1  # of the last change of this resource
        self.compacted = 0  # watches must start at this version or later
        self.listeners = set()  # called with each Change
        self._keys = None

    def sorted_keys(self):
        if self._keys is None:
            self._keys = sorted(self.entries)
        return self._keys

    def apply(self, change):
        if change.new is None or change.old is None:
            self._keys = None
        if change.new is None:
            self.entries.pop(change.key, None)
        else:
            self.entries[change.key] = change.new
        self.changes.append(change)
        if len(self.changes) > 2 * _HISTORY:
            self.compacted = self.changes[-_HISTORY - 1].version
            del self.changes[:-_HISTORY]
        self.version = change.version
        for listener in list(self.listeners):
            listener(change)

    def restart(self, version):
        """Forgets how the objects came to be at this version."""
        self._keys = None
        self.changes.clear()
        self.version = self.compacted = version

    def since(self, version):
        """The changes after a version, oldest first."""
        return self.changes[bisect.bisect_right(self.changes, version, key=lambda change: change.version):]

    def snapshot(self, version):
        """(keys in order, {key: Encoded}) as they were at a version."""
        later = self.since(version)
        if not later:
            return self.sorted_keys(), self.entries
        entries = dict(self.entries)
        for change in reversed(later):
            if change.old is None:
                entries.pop(change.key, None)
            else:
                entries[change.key] = change.old
        return sorted(entries), entries


class Store:
    def __init__(self):
        self.version = 1
        self.tables = {name: Table(resource) for name, resource in RESOURCES.items()}

    def put(self, resource, value, json=None, protobuf=None):
        """Creates or replaces an object; a field the real server would fill in is filled in. Answers its Encoded. `json`
        and `protobuf`: bytes to serve instead of the value's own.
        """
        table = self.tables[resource.name]
        value = copy.copy(value)
        metadata = value["metadata"] = dict(value.get("metadata") or {})
        if not metadata.get("name"):
            raise ValueError("the object has no metadata.name")
        if resource.namespaced:
            metadata.setdefault("namespace", "default")
        old = table.entries.get(resource.key(metadata.get("namespace"), metadata["name"]))
        before = old.value["metadata"] if old else {}
        metadata.setdefault("uid", before.get("uid") or str(uuid.uuid4()))
        metadata.setdefault("creationTimestamp", before.get("creationTimestamp") or now())
        self.version += 1
        metadata["resourceVersion"] = str(self.version)
        entry = Encoded(resource, value, json, protobuf)
        self._apply(entry)
        return entry

    def _apply(self, entry):
        table, metadata = self.tables[entry.resource.name], entry.value["metadata"]
        key = entry.resource.key(metadata.get("namespace"), metadata["name"])
        change = Change(entry.version, key, table.entries.get(key), entry)
        table.apply(change)
        return change

    def publish(self, entry):
        """Writes an Encoded made beforehand; the store's version becomes its version. Answers the Change."""
        if entry.version <= self.version:
            raise ValueError(f"version {entry.version} was made beforehand, but the store is at {self.version} already")
        self.version = entry.version
        return self._apply(entry)

    def delete(self, resource, namespace, name):
        table = self.tables[resource.name]
        key = resource.key(namespace or "default", name)
        old = table.entries.get(key)
        if old is None:
            raise api_status.not_found(resource, name)
        self.version += 1
        table.apply(Change(self.version, key, old, None))
        return self.version

    def load(self, resource, items, version):
        """Adds objects with the versions they carry; the store's version becomes at least `version`. For recorded lists
        before anybody watches: open watches do not see them come.
        """
        table = self.tables[resource.name]
        version = max(version, table.version)
        for item in items:
            entry = Encoded(resource, item)
            metadata = item["metadata"]
            table.entries[resource.key(metadata.get("namespace"), metadata["name"])] = entry
            version = max(version, entry.version)
        table.restart(version)
        self.version = max(self.version, version)

    def compact(self, version, names):
        """Forgets the changes up to a version: older watches and lists are answered with 410."""
        for name in names:
            table = self.tables[name]
            table.compacted = max(table.compacted, version)
            table.version = max(table.version, version)
            table.changes = table.since(version)

    def forget(self):
        """Starts again at revision 1 with the same objects, as a store restored from a backup does."""
        self.version = 1
        for table in self.tables.values():
            entries = [table.entries[key] for key in table.sorted_keys()]
            for entry in entries:
                self.version += 1
                metadata = {**entry.value["metadata"], "resourceVersion": str(self.version)}
                renewed = Encoded(table.resource, {**entry.value, "metadata": metadata})
                table.entries[table.resource.key(metadata.get("namespace"), metadata["name"])] = renewed
            table.restart(self.version)


def now():
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
