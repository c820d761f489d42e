# SPDX-License-Identifier: Apache-2.0
"""Tokens, client certificates, rights, kubeconfigs, and the server's own certificate."""

import os

import case
from case import SERVICES, ApiServer, ask, expect

UNTRUSTED = 60  # curl's exit status


def test_tokens():
    with ApiServer() as server:
        with open(server.token_file, encoding="ascii") as file:
            old = file.read()
        expect(ask(server, SERVICES, auth=None).code, 401, "nobody")
        expect(ask(server, SERVICES, auth="wrong").code, 401, "a wrong token")
        server.command("token", keep_old=True)
        expect((ask(server, SERVICES, auth=old).code, ask(server, SERVICES).code), (200, 200), "both tokens")
        server.command("token")
        expect((ask(server, SERVICES, auth=old).code, ask(server, SERVICES).code), (401, 200), "the old token, the new one")


def test_client_certificates():
    with ApiServer() as server:
        expect(ask(server, SERVICES, auth="certificate").code, 200, "a client certificate")
        expect(server.command("stats")["requests"][-1]["user"], "system:kube-proxy", "its user")
        server.command("rights", certificates_accepted=False)
        expect(ask(server, SERVICES, auth="certificate").code, 401, "a certificate of no use")


def test_rights():
    with ApiServer() as server:
        expect(ask(server, "/api/v1/nodes").code, 200, "what system:node-proxier may")
        answer = ask(server, "/api/v1/namespaces/shop/services/web")
        expect((answer.code, answer.json()["reason"]), (403, "Forbidden"), "what it may not")
        server.command("rights", everything_allowed=True)
        expect(ask(server, "/api/v1/namespaces/shop/services/web").code, 404, "with all rights")
        server.command("deny", resource="nodes", verbs=["watch"])
        expect(ask(server, "/api/v1/nodes?watch=1").code, 403, "a denied watch")
        expect(ask(server, "/api/v1/nodes").code, 200, "the list beside it")


def test_server_certificates():
    with ApiServer() as server:
        for url in (f"https://[::1]:{server.port}", f"https://localhost:{server.port}"):
            server.ready["url"] = url
            expect(ask(server, "/readyz").code, 200, url)
        server.command("certificate", wrong_name=True)
        expect(ask(server, "/readyz").error, UNTRUSTED, "a certificate of another name")
        server.command("certificate", expired=True)
        expect(ask(server, "/readyz").error, UNTRUSTED, "an expired certificate")
        server.command("wait", failed_handshakes=1)
        server.command("certificate")
        expect(ask(server, "/readyz").code, 200, "a new one of the same authority")
        server.command("certificate", new_authority=True, publish=False)
        expect(ask(server, "/readyz").error, UNTRUSTED, "another authority")
        server.command("publish_authority")
        expect(ask(server, "/readyz").code, 200, "the authority published")


def test_tls_versions():
    with ApiServer() as server:
        server.command("set", tls="1.2")
        expect(ask(server, "/readyz").code, 200, "TLS 1.2")
        expect(ask(server, "/readyz", options=("--tlsv1.3",)).error, 35, "TLS 1.3 from a server without it")
        server.command("set", tls="1.3", protocols=["http/1.1"])
        expect(ask(server, "/readyz").protocol, "HTTP/1.1", "a server without HTTP/2")


def test_kubeconfigs():
    with ApiServer() as server:
        with open(server.kubeconfig, encoding="ascii") as file:
            text = file.read()
        expect(f'server: "{server.url}"' in text and "token:" in text, True, "the ready-made one")
        for auth, word in (("token_file", "tokenFile:"), ("certificate", "client-certificate:"),
                           ("certificate_data", "client-certificate-data:"), ("none", "user: {}")):
            path = server.command("kubeconfig", name=auth, auth=auth, ca="data")["kubeconfig"]
            with open(path, encoding="ascii") as file:
                text = file.read()
            expect(word in text and "certificate-authority-data:" in text, True, auth)
        path = server.command("kubeconfig", name="exec", auth="exec", exec_plugin={"command": "/bin/get-token", "args": ["-x"]},
                              tls_server_name="localhost", insecure=True, ca="none", proxy_url="http://127.0.0.1:1")["kubeconfig"]
        with open(path, encoding="ascii") as file:
            text = file.read()
        for line in ('command: "/bin/get-token"', "tls-server-name: localhost", "insecure-skip-tls-verify: true",
                     'proxy-url: "http://127.0.0.1:1"'):
            expect(line in text, True, line)
        server.command("restart", other_port=True)
        with open(path, encoding="ascii") as file:
            expect(f":{server.port}" in file.read(), True, "the new port in every kubeconfig")


def test_service_account_folder():
    with ApiServer() as server:
        server.command("token", token="rotated")
        with open(os.path.join(server.service_account, "token"), encoding="ascii") as file:
            expect(file.read(), "rotated", "the token a pod sees")


case.run(globals())
