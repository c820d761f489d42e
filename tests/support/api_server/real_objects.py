# SPDX-License-Identifier: Apache-2.0
"""Writes objects to an API server over HTTPS as kubectl would: create or replace, then the status."""

import http.client
import json
import ssl

import resources
from resources import RESOURCES

_GIVEN_BY_SERVER = ("uid", "resourceVersion", "creationTimestamp", "managedFields", "generation", "selfLink")


class RequestFailed(RuntimeError):
    def __init__(self, code, words):
        super().__init__(words)
        self.code = code


class Objects:
    """Speaks with one server as one user. A connection for each request: the server may restart in between."""

    def __init__(self, host, port, ca_file, token):
        self._host, self._port, self._token = host, port, token
        self._context = ssl.create_default_context(cafile=ca_file)

    def request(self, method, path, value=None):
        """The answer's JSON; raises RequestFailed with the server's words."""
        connection = http.client.HTTPSConnection(self._host, self._port, context=self._context, timeout=30)
        headers = {"Authorization": f"Bearer {self._token}", "Accept": "application/json", "Content-Type": "application/json"}
        try:
            connection.request(method, path, json.dumps(value) if value is not None else None, headers)
            response = connection.getresponse()
            text = response.read().decode()
        finally:
            connection.close()
        if response.status >= 300:
            raise RequestFailed(response.status, f"{method} {path}: {response.status} {_words(text)}")
        return json.loads(text) if text.startswith("{") else {"text": text}

    def put(self, value):
        """Answers the object as the server has it then."""
        resource = resources.find(value.get("kind"), value.get("apiVersion"))
        metadata = {key: item for key, item in value["metadata"].items() if key not in _GIVEN_BY_SERVER}
        if resource.namespaced:
            self._make_namespace(metadata.setdefault("namespace", "default"))
        path = resource.path(metadata.get("namespace", ""), metadata["name"])
        wanted = {**value, "metadata": metadata}
        written = self._create_or_replace(resource, path, wanted)
        if not value.get("status"):
            return written
        return self.request("PUT", f"{path}/status", {**written, "kind": resource.kind, "apiVersion": resource.api_version,
                                                      "status": value["status"]})

    def _create_or_replace(self, resource, path, wanted):
        try:
            there = self.request("GET", path)
        except RequestFailed as error:
            if error.code != 404:
                raise
            return self.request("POST", resource.path(wanted["metadata"].get("namespace", "")), wanted)
        wanted["metadata"]["resourceVersion"] = there["metadata"]["resourceVersion"]
        return self.request("PUT", path, wanted)

    def _make_namespace(self, name):
        try:
            self.request("POST", "/api/v1/namespaces", {"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": name}})
        except RequestFailed as error:
            if error.code != 409:
                raise

    def get(self, resource, namespace, name):
        """None: there is none."""
        try:
            return self.request("GET", RESOURCES[resource].path(namespace, name))
        except RequestFailed as error:
            if error.code != 404:
                raise
            return None

    def delete(self, resource, namespace, name):
        return self.request("DELETE", RESOURCES[resource].path(namespace, name))

    def list(self, resource):
        return self.request("GET", RESOURCES[resource].path())


def _words(text):
    try:
        return json.loads(text)["message"]
    except (ValueError, KeyError, TypeError):
        return text.strip()
