# SPDX-License-Identifier: Apache-2.0
"""Status objects: what the API answers instead of what was asked for, in the real server's words."""


class ApiError(Exception):
    """Ends a request with a Status. `headers`: more response headers."""

    def __init__(self, status, headers=()):
        super().__init__(status["message"])
        self.status = status
        self.headers = list(headers)


def make(code, reason, message, details=None, metadata=None):
    status = {"kind": "Status", "apiVersion": "v1", "metadata": metadata or {}, "status": "Failure",
              "message": message, "reason": reason}
    if details is not None:
        status["details"] = details
    status["code"] = code
    return status


def unauthorized():
    return ApiError(make(401, "Unauthorized", "Unauthorized"))


def forbidden(user, verb, resource, namespace, name):
    where = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
    named = f' "{name}"' if name else ""
    details = {"name": name} if name else {}
    if resource.group:
        details["group"] = resource.group
    details["kind"] = resource.name
    return ApiError(make(403, "Forbidden", f'{resource.qualified}{named} is forbidden: User "{user}" cannot {verb} resource '
                         f'"{resource.name}" in API group "{resource.group}" {where}', details))


def forbidden_path(user, verb, path):
    return ApiError(make(403, "Forbidden", f'forbidden: User "{user}" cannot {verb} path "{path}"', {}))


def not_found_path():
    return ApiError(make(404, "NotFound", "the server could not find the requested resource", {}))


def not_found(resource, name):
    details = {"name": name}
    if resource.group:
        details["group"] = resource.group
    details["kind"] = resource.name
    return ApiError(make(404, "NotFound", f'{resource.qualified} "{name}" not found', details))


def bad_request(message):
    return ApiError(make(400, "BadRequest", message))


def method_not_allowed():
    return ApiError(make(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", {}))


def not_acceptable(types):
    return ApiError(make(406, "NotAcceptable", f"only the following media types are accepted: {', '.join(types)}"))


def already_exists(resource, name):
    return ApiError(make(409, "AlreadyExists", f'{resource.qualified} "{name}" already exists',
                         {"name": name, "kind": resource.name}))


def too_old(version, current):
    return make(410, "Expired", f"too old resource version: {version} ({current})")


def list_too_old():
    return ApiError(make(410, "Expired", "The resourceVersion for the provided list is too old."))


def continue_too_old(token):
    return ApiError(make(410, "Expired", "The provided continue parameter is too old to display a consistent list result. "
                         "You can start a new list without the continue parameter, or use the continue token in this "
                         "response to retrieve the remainder of the results. Continuing with the provided token results "
                         "in an inconsistent list - objects that were created, modified, or deleted between the time the "
                         "first chunk was returned and now may show up in the list.", None, {"continue": token}))


def too_new(version, current):
    details = {"causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
               "retryAfterSeconds": 1}
    message = f"Timeout: Too large resource version: {version}, current: {current}"
    return ApiError(make(504, "Timeout", message, details), [("retry-after", "1")])


def invalid_options(causes):
    """causes: [(field, message)] of list options the server refuses."""
    words = [f"{field}: Forbidden: {message}" for field, message in causes]
    text = words[0] if len(words) == 1 else f"[{', '.join(words)}]"
    details = {"group": "meta.k8s.io", "kind": "ListOptions", "causes": [
        {"reason": "FieldValueForbidden", "message": f"Forbidden: {message}", "field": field} for field, message in causes]}
    return ApiError(make(422, "Invalid", f'ListOptions.meta.k8s.io "" is invalid: {text}', details))


REASONS = {400: "BadRequest", 401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 409: "Conflict", 410: "Expired",
           422: "Invalid", 429: "TooManyRequests", 500: "InternalError", 503: "ServiceUnavailable", 504: "Timeout"}

MESSAGES = {410: "The resourceVersion for the provided watch is too old.",
            429: "the server has received too many requests and has asked us to try again later",
            500: "Internal error occurred: injected", 503: "the server is currently unable to handle the request"}


def injected(code, retry_after=None):
    """A Status of any code, as the fault injection sends it."""
    details = {"retryAfterSeconds": int(retry_after)} if retry_after is not None else None
    return make(code, REASONS.get(code, "Unknown"), MESSAGES.get(code, f"injected error {code}"), details)
