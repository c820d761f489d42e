# SPDX-License-Identifier: Apache-2.0
"""One request, whatever protocol it came by."""

import dataclasses
import urllib.parse


@dataclasses.dataclass
class Request:
    method: str
    target: str  # path and query as sent
    headers: dict  # lower-case names
    protocol: str
    connection: object  # connection.Connection
    body: bytes = b""

    @property
    def path(self):
        return urllib.parse.unquote(self.target.split("?")[0])

    def query(self):
        """{name: last value}."""
        text = self.target.partition("?")[2]
        return dict(urllib.parse.parse_qsl(text, keep_blank_values=True))
