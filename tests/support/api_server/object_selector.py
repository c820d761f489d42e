# SPDX-License-Identifier: Apache-2.0
"""Label and field selectors as the real server evaluates them."""

import re

import api_status

_NAME = r"[A-Za-z0-9][A-Za-z0-9._/-]*"
_SET = re.compile(rf"\s*({_NAME})\s+(in|notin)\s*\(([^()]*)\)\s*")
_COMPARE = re.compile(rf"\s*({_NAME})\s*(==|!=|=|<|>)\s*([A-Za-z0-9._-]*)\s*")
_EXISTS = re.compile(rf"\s*(!?)\s*({_NAME})\s*")


def label_selector(text):
    """A function labels -> bool; None selects everything."""
    if not text or not text.strip():
        return None
    requirements, at = [], 0
    while True:
        requirement, at = _requirement(text, at)
        requirements.append(requirement)
        if at == len(text):
            return lambda labels: all(matches(labels) for matches in requirements)
        if text[at] != ",":
            raise _bad_labels(text, at)
        at += 1


def _requirement(text, at):
    if match := _SET.match(text, at):
        key, operator, values = match.groups()
        values = {value.strip() for value in values.split(",")}
        inside = operator == "in"
        return lambda labels: (key in labels and labels[key] in values) == inside, match.end()
    if match := _COMPARE.match(text, at):
        return _comparison(*match.groups()), match.end()
    if match := _EXISTS.match(text, at):
        absent, key = match.groups()
        return lambda labels: (key in labels) != bool(absent), match.end()
    raise _bad_labels(text, at)


def _comparison(key, operator, value):
    if operator in ("=", "=="):
        return lambda labels: labels.get(key) == value
    if operator == "!=":
        return lambda labels: labels.get(key) != value
    if not value.lstrip("-").isdigit():
        raise api_status.bad_request(f'unable to parse requirement: values: Invalid value: "{value}": for \'Gt\', \'Lt\' '
                                     "operators, the value must be an integer")
    sign = 1 if operator == ">" else -1
    return lambda labels: labels.get(key, "").lstrip("-").isdigit() and sign * (int(labels[key]) - int(value)) > 0


def _bad_labels(text, at):
    return api_status.bad_request(f"unable to parse requirement: found '{text[at:]}', expected: identifier or ','")


def field_selector(resource, text):
    """A function object -> bool; None selects everything."""
    terms = []
    for part in (text or "").split(","):
        if not part.strip():
            continue
        match = re.fullmatch(r"\s*([^=!\s]+)\s*(==|!=|=)\s*(.*?)\s*", part)
        if not match:
            raise api_status.bad_request(f"invalid selector: '{text}'; can't understand '{part}'")
        _check_field(resource, match[1])
        terms.append((match[1], match[2] != "!=", match[3]))
    if not terms:
        return None
    return lambda item: all((field_value(item, path) == value) == equal for path, equal, value in terms)


def _check_field(resource, path):
    if path == "metadata.name" or path in resource.fields:
        return
    if path == "metadata.namespace" and (resource.namespaced or resource.default_fields):
        return
    if resource.default_fields:
        raise api_status.bad_request(f'"{path}" is not a known field selector: only "metadata.name", "metadata.namespace"')
    raise api_status.bad_request(f"field label not supported: {path}")


def field_value(item, path):
    for word in path.split("."):
        item = item.get(word) if isinstance(item, dict) else None
    if isinstance(item, bool):
        return "true" if item else "false"
    if item is None:
        return "false" if path == "spec.unschedulable" else ""
    return str(item)
