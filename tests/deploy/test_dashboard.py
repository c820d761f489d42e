# SPDX-License-Identifier: Apache-2.0
"""The Grafana dashboard asks for metrics and labels that docs/metrics.md has, and for no others; its panels have ids
and places of their own."""

import json
import re

from deployment import DEPLOY, REPOSITORY, expect, run_test, text_of

# A histogram's name in a query, and in the table of metrics.
SUFFIXES = ("_bucket", "_sum", "_count")
# Of the scraper, not of the agent: node comes from the PodMonitor's relabelling.
SCRAPERS_LABELS = {"job", "node", "le", "instance"}
WORDS = {"by", "on", "or", "and", "sum", "count", "max", "topk", "rate", "increase", "histogram_quantile", "vector"}
# docs/metrics.md names these as a family, as every client of Prometheus has them.
PROCESS = re.compile(r"process_(cpu_seconds_total|resident_memory_bytes|start_time_seconds|open_fds|max_fds)")


def documented():
    """Metrics by name, with the text of their labels' cell."""
    found = {}
    for line in text_of(REPOSITORY, "docs", "metrics.md").splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) > 4 and cells[1].startswith("`"):
            found.update({name: cells[3] for name in re.findall(r"`([a-z_]+)`", cells[1])})
    return found


def base_name(name, known):
    for suffix in SUFFIXES:
        if name.endswith(suffix) and name.removesuffix(suffix) in known:
            return name.removesuffix(suffix)
    return name


def asked(expression):
    """Names of metrics and of labels in a query."""
    by = re.findall(r"by \(([^)]*)\)", expression)
    matched = re.findall(r"[{,]([a-z_]+)\s*=", expression)
    labels = {label.strip() for group in by for label in group.split(",")} | set(matched)
    bare = re.sub(r"\{[^}]*\}|\[[^]]*\]|by \([^)]*\)", " ", expression)
    return set(re.findall(r"[a-z_]{2,}", bare)) - WORDS, labels


def check_query(expression, known):
    metrics, labels = asked(expression)
    expect(metrics, f"no metric in {expression}")
    allowed = set(SCRAPERS_LABELS)
    for metric in (base_name(name, known) for name in metrics):
        expect(metric in known or PROCESS.fullmatch(metric), f"{metric} is no metric of docs/metrics.md: {expression}")
        allowed |= set(re.findall(r"[a-z_]+", known.get(metric, "")))
    expect(labels <= allowed, f"labels {labels - allowed} are none of the metrics in {expression}")


def overlaps(one, other):
    return (one["x"] < other["x"] + other["w"] and other["x"] < one["x"] + one["w"]
            and one["y"] < other["y"] + other["h"] and other["y"] < one["y"] + one["h"])  # fmt: skip


def check_places(panels):
    ids = [panel["id"] for panel in panels]
    expect(len(ids) == len(set(ids)), "two panels have one id")
    places = [panel["gridPos"] for panel in panels]
    for i, place in enumerate(places):
        expect(place["x"] + place["w"] <= 24, f"{panels[i]['title']} is wider than the page")
        clash = [panels[j]["title"] for j in range(i) if overlaps(place, places[j])]
        expect(not clash, f"{panels[i]['title']} lies over {clash}")


def queries(dashboard):
    for panel in dashboard["panels"]:
        yield from (target["expr"] for target in panel.get("targets", ()))
    for variable in dashboard["templating"]["list"]:
        found = re.fullmatch(r"label_values\((.*), *[a-z_]+\)", variable.get("definition", ""))
        if found:
            yield found[1]


def test():
    dashboard = json.loads(text_of(DEPLOY, "grafana", "waggle.json"))
    known = documented()
    every = list(queries(dashboard))
    for expression in every:
        check_query(expression, known)
    check_places(dashboard["panels"])
    return f"{len(every)} queries of metrics that exist"


run_test(test)
