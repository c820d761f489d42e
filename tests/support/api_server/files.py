# SPDX-License-Identifier: Apache-2.0
"""What a client needs to find on disk: authorities, certificates, the token, kubeconfigs, and the folder a pod sees."""

import base64
import pathlib

from certificates import Authority, server_names


class Files:
    """Makes everything in `folder`, which the caller owns."""

    def __init__(self, folder, addresses):
        self._folder = pathlib.Path(folder)
        self.addresses = addresses  # in the names of server certificates
        self._made = 0
        self.authority = Authority(self._folder, "server-ca")
        self.client_authority = Authority(self._folder, "client-ca")
        self.ca_file = self._folder / "ca.crt"
        self.token_file = self._folder / "token"
        self.client_certificate, self.client_key = self.client_authority.client(
            "client", "system:kube-proxy", ["system:node-proxier"])
        self.publish_authority()

    def publish_authority(self):
        """Makes the current authority the one that clients find."""
        self._replace(self.ca_file, self.authority.certificate.read_bytes())

    def new_authority(self):
        self._made += 1
        self.authority = Authority(self._folder, f"server-ca-{self._made}")

    def server_certificate(self, wrong_name=False, expired=False):
        """(certificate, key) signed by the current authority."""
        self._made += 1
        names = "DNS:not-this-server.example" if wrong_name else server_names(self.addresses)
        return self.authority.server(f"server-{self._made}", names, -1 if expired else 30)

    def path(self, name):
        return str(self._folder / name)

    def service_account(self):
        """The folder a pod has at /var/run/secrets/kubernetes.io/serviceaccount; its files follow ca.crt and token."""
        folder = self._folder / "serviceaccount"
        if not folder.exists():
            folder.mkdir()
            (folder / "ca.crt").symlink_to("../ca.crt")
            (folder / "token").symlink_to("../token")
            (folder / "namespace").write_text("kube-system", encoding="ascii")
        return str(folder)

    def kubeconfig(self, name, server, auth="token", ca="file", tls_server_name=None, insecure=False,
                   proxy_url=None, exec_plugin=None):
        """Writes a kubeconfig and answers its path. `auth`: token, token_file, certificate, certificate_data, exec or
        none; `ca`: file, data or none. `exec_plugin`: the exec section as JSON.
        """
        cluster = {"server": server, **self._ca_lines(ca)}
        if tls_server_name:
            cluster["tls-server-name"] = tls_server_name
        if insecure:
            cluster["insecure-skip-tls-verify"] = True
        if proxy_url:
            cluster["proxy-url"] = proxy_url
        user = {"exec": exec_plugin} if auth == "exec" else self._user_lines(auth)
        path = self._folder / name
        self._replace(path, _yaml({
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [{"name": "test", "cluster": cluster}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
            "users": [{"name": "test", "user": user}]}).encode())
        return str(path)

    def _ca_lines(self, ca):
        if ca == "data":
            return {"certificate-authority-data": _base64(self.ca_file)}
        return {"certificate-authority": str(self.ca_file)} if ca == "file" else {}

    def _user_lines(self, auth):
        if auth == "token":
            return {"token": self.token_file.read_text(encoding="ascii")}
        if auth == "token_file":
            return {"tokenFile": str(self.token_file)}
        if auth == "certificate":
            return {"client-certificate": str(self.client_certificate), "client-key": str(self.client_key)}
        if auth == "certificate_data":
            return {"client-certificate-data": _base64(self.client_certificate),
                    "client-key-data": _base64(self.client_key)}
        if auth == "none":
            return {}
        raise ValueError(f"no kubeconfig has auth {auth!r}")

    def _replace(self, path, content):
        beside = path.with_name(path.name + ".new")
        beside.write_bytes(content)
        beside.rename(path)


def _base64(path):
    return base64.b64encode(path.read_bytes()).decode()


def _yaml(value, indent=""):
    """Block YAML of maps, lists and plain scalars. Strings that YAML could take for something else are quoted."""
    if isinstance(value, dict):
        return "".join(f"{indent}{key}:{_yaml_item(item, indent)}" for key, item in value.items())
    return "".join(f"{indent}- {_yaml(item, indent + '  ').lstrip()}" if isinstance(item, (dict, list))
                   else f"{indent}- {_scalar(item)}\n" for item in value)


def _yaml_item(item, indent):
    if isinstance(item, (dict, list)):
        return f"\n{_yaml(item, indent + '  ')}" if item else (" {}\n" if isinstance(item, dict) else " []\n")
    return f" {_scalar(item)}\n"


def _scalar(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and not (value and value[0].isalpha() and value.replace("-", "").replace(".", "").isalnum()):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return str(value)
