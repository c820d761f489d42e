# SPDX-License-Identifier: Apache-2.0
"""Faults waiting for the requests they are to hit. What they do to an answer stands in reply.py."""

import dataclasses
import itertools

# What a fault does, and its parameters (README.md explains them).
KINDS = {
    "delay": {"seconds"},
    "status": {"code", "retry_after", "plain"},
    "redirect": {"location", "code"},
    "never": set(),
    "hang_up": set(),
    "content_type": {"value"},
    "reset": {"after_bytes"},
    "stream_reset": {"after_bytes"},
    "half": {"after_bytes"},
    "truncate": {"after_bytes"},
    "stall": {"after_bytes"},
    "freeze": {"after_bytes"},
    "garbage": {"after_bytes", "seed"},
    "drip": {"bytes", "seconds"},
    "duplicate": set(),
    "reorder": {"window", "seed"},
    "event_error": {"code", "after_events"},
}

CUTS = ("reset", "stream_reset", "half", "truncate", "stall", "freeze")


@dataclasses.dataclass(eq=False)
class Fault:
    id: int
    kind: str
    resource: str  # "*": any, also the paths that are no resource's
    verb: str  # "*": any
    count: int  # requests left to hit; -1: all
    skip: int  # requests to let pass first
    values: dict
    hits: int = 0

    def get(self, name, default=None):
        return self.values.get(name, default)


class FaultBook:
    def __init__(self):
        self._ids = itertools.count(1)
        self._faults = []

    def add(self, kind, resource="*", verb="*", count=1, skip=0, **values):
        if kind not in KINDS:
            raise ValueError(f"there is no fault {kind!r}; there are: {', '.join(KINDS)}")
        if wrong := set(values) - KINDS[kind]:
            raise ValueError(f"fault {kind} has no {', '.join(sorted(wrong))}; it has: {', '.join(sorted(KINDS[kind]))}")
        fault = Fault(next(self._ids), kind, resource, verb, count, skip, values)
        self._faults.append(fault)
        return fault.id

    def clear(self, fault_id=None):
        self._faults = [fault for fault in self._faults if fault_id is not None and fault.id != fault_id]

    def take(self, resource, verb):
        """The faults that hit this request; they have it counted."""
        hit = []
        for fault in self._faults:
            if fault.resource not in ("*", resource) or fault.verb not in ("*", verb) or fault.count == 0:
                continue
            if fault.skip:
                fault.skip -= 1
                continue
            fault.count -= fault.count > 0
            fault.hits += 1
            hit.append(fault)
        return hit

    def list(self):
        return [dataclasses.asdict(fault) for fault in self._faults]
