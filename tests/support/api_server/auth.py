# SPDX-License-Identifier: Apache-2.0
"""Who asks, and what they may: bearer tokens, client certificates, and the rules of system:node-proxier."""

import pathlib
import secrets

import api_status

PROXY_USER = "system:serviceaccount:kube-system:kube-proxy"

# What a stock cluster grants kube-proxy (cluster role system:node-proxier).
_NODE_PROXIER = {
    "services": {"list", "watch"},
    "endpointslices": {"list", "watch"},
    "servicecidrs": {"list", "watch"},
    "nodes": {"get", "list", "watch"},
    "events": {"create", "patch", "update"},
}


class Auth:
    def __init__(self, token_file):
        self.token_file = pathlib.Path(token_file)
        self.tokens = {}  # token -> user
        self.everything_allowed = False
        self.certificates_accepted = True
        self._denied = {}  # resource -> verbs
        self.new_token()

    def new_token(self, token=None, write=True, keep_old=False):
        """Makes a token for the proxy's user; the ones before it are refused from now on unless kept."""
        token = token or secrets.token_urlsafe(24)
        if not keep_old:
            self.tokens.clear()
        self.tokens[token] = PROXY_USER
        if write:
            beside = self.token_file.with_suffix(".new")
            beside.write_text(token, encoding="ascii")
            beside.rename(self.token_file)
        return token

    def deny(self, resource, verbs):
        """An empty list of verbs allows again what was denied."""
        self._denied[resource] = set(verbs)

    def user(self, request):
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme:
            if scheme.lower() == "bearer" and token.strip() in self.tokens:
                return self.tokens[token.strip()]
            raise api_status.unauthorized()
        subject = dict(pair for part in request.connection.peer_certificate().get("subject", ()) for pair in part)
        if self.certificates_accepted and "commonName" in subject:
            return subject["commonName"]
        raise api_status.unauthorized()

    def check(self, user, verb, resource, namespace, name):
        denied = self._denied.get(resource.name, set()) | self._denied.get("*", set())
        granted = self.everything_allowed or verb in _NODE_PROXIER.get(resource.name, ())
        if not granted or verb in denied or "*" in denied:
            raise api_status.forbidden(user, verb, resource, namespace, name)
