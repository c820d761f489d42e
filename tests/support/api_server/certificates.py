# SPDX-License-Identifier: Apache-2.0
"""Certificates made by the openssl command: an authority, server certificates and a client's. Keys are P-256, which
takes no time to make.
"""

import pathlib
import subprocess

_NAMES = "IP:127.0.0.1,IP:::1,DNS:localhost"


class Authority:
    """Signs with its own key. Its files stand in `folder`: NAME.crt, NAME.key."""

    def __init__(self, folder, name):
        self._folder = pathlib.Path(folder)
        self.certificate = self._folder / f"{name}.crt"
        self.key = self._folder / f"{name}.key"
        _openssl("req", "-x509", *_new_key(self.key), "-out", self.certificate, "-days", "30", "-subj", f"/CN={name}",
                 "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign")

    def server(self, name, alternative_names=_NAMES, days=30):
        return self._sign(name, "/CN=kube-apiserver", days, "extendedKeyUsage=serverAuth",
                          f"subjectAltName={alternative_names}")

    def client(self, name, user, groups=()):
        subject = "".join(f"/O={group}" for group in groups) + f"/CN={user}"
        return self._sign(name, subject, 30, "extendedKeyUsage=clientAuth")

    def _sign(self, name, subject, days, *extensions):
        """(certificate file, key file)."""
        certificate, key, request = (self._folder / f"{name}.{kind}" for kind in ("crt", "key", "csr"))
        settings = self._folder / f"{name}.extensions"
        settings.write_text("\n".join(("basicConstraints=CA:FALSE", *extensions)) + "\n", encoding="ascii")
        _openssl("req", *_new_key(key), "-out", request, "-subj", subject)
        _openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key, "-CAcreateserial",
                 "-days", str(days), "-extfile", settings, "-out", certificate)
        return certificate, key


def server_names(addresses):
    """The names a server certificate carries beside the usual ones."""
    return ",".join((_NAMES, *(f"IP:{address}" for address in addresses)))


def _new_key(key):
    return "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key


def _openssl(*words):
    done = subprocess.run(["openssl", *map(str, words)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"openssl {words[0]} failed: {done.stderr.strip()}")
