# SPDX-License-Identifier: Apache-2.0
"""What the commands of the control protocol do with the test API server. README.md lists them."""

import asyncio
import base64
import json
import pathlib
import time

import api_status
import generate
import resources
from commands import Commands
from resources import RESOURCES


class Control(Commands):
    """The commands of the test API server."""

    def __init__(self, server, files):
        super().__init__()
        self._server = server
        self._files = files
        self._kubeconfigs = {"kubeconfig": {}}  # file name -> choices; written anew when the port changes

    @property
    def _store(self):
        return self._server.store

    def _url(self):
        host = self._server.host()
        return f"https://{f'[{host}]' if ':' in host else host}:{self._server.port}"

    def ready(self):
        """What a client needs to begin."""
        for name, choices in self._kubeconfigs.items():
            self._write_kubeconfig(name, choices)
        host = self._server.host()
        return {"port": self._server.port, "host": host, "url": self._url(), "ca_file": str(self._files.ca_file),
                "token_file": str(self._files.token_file), "client_certificate": str(self._files.client_certificate),
                "client_key": str(self._files.client_key), "kubeconfig": self._files.path("kubeconfig"),
                "service_account": self._files.service_account()}

    def _write_kubeconfig(self, name, choices):
        return self._files.kubeconfig(name, **{"server": self._url(), **choices})

    # Objects.

    def do_put(self, object, json_text=None, protobuf=None):
        """`json_text` and `protobuf` (base64, without the envelope) are served in place of the object."""
        resource = resources.find(object.get("kind"), object.get("apiVersion"))
        entry = self._store.put(resource, object, json_text.encode() if json_text is not None else None,
                                base64.b64decode(protobuf) if protobuf is not None else None)
        return {"version": entry.version}

    def do_delete(self, resource, name, namespace=""):
        return {"version": self._store.delete(RESOURCES[resource], namespace, name)}

    def do_get(self, resource, name, namespace="default"):
        entry = self._store.tables[resource].entries.get(RESOURCES[resource].key(namespace, name))
        return {"object": entry.value if entry else None}

    def do_list(self, resource):
        table = self._store.tables[resource]
        return {"objects": [table.entries[key].value for key in table.sorted_keys()], "version": self._store.version}

    def do_load(self, file):
        """A recorded list (JSON): the objects keep their versions."""
        content = json.loads(pathlib.Path(file).read_text(encoding="utf-8"))
        resource = resources.find(content["kind"].removesuffix("List"), content["apiVersion"])
        self._store.load(resource, content["items"], int(content["metadata"]["resourceVersion"]))
        return {"resource": resource.name, "objects": len(content["items"]), "version": self._store.version}

    def do_generate(self, services, endpoints, namespace="bench", nodes=10):
        return generate.fill(self._store, services, endpoints, namespace, nodes)

    async def do_churn(self, count, rate=0, namespace="bench", services=None, times=False):
        return await generate.churn(self._store, count, rate, namespace, services, times)

    def do_events(self):
        """The Event objects clients have posted."""
        return self.do_list("events")

    # Versions.

    def do_compact(self, version=None, resource=None):
        version = self._store.version if version is None else version
        self._store.compact(version, [resource] if resource else RESOURCES)
        return {"version": version}

    def do_forget_versions(self):
        self._store.forget()
        return {"version": self._store.version}

    # Settings and rights.

    def do_set(self, **settings):
        self._server.settings.change(settings)

    def do_token(self, token=None, write=True, keep_old=False):
        return {"token": self._server.auth.new_token(token, write, keep_old)}

    def do_deny(self, resource, verbs=("*",)):
        self._server.auth.deny(resource, verbs)

    def do_rights(self, everything_allowed=None, certificates_accepted=None):
        auth = self._server.auth
        if everything_allowed is not None:
            auth.everything_allowed = everything_allowed
        if certificates_accepted is not None:
            auth.certificates_accepted = certificates_accepted

    def do_certificate(self, new_authority=False, publish=True, wrong_name=False, expired=False):
        """A new server certificate for the connections to come. `publish`: a new authority goes into the CA file."""
        if new_authority:
            self._files.new_authority()
            if publish:
                self._files.publish_authority()
        self._server.use_certificate(*self._files.server_certificate(wrong_name, expired))

    def do_publish_authority(self):
        self._files.publish_authority()

    def do_kubeconfig(self, **choices):
        name = choices.pop("name", "kubeconfig")
        path = self._write_kubeconfig(name, choices)
        self._kubeconfigs[name] = choices
        return {"kubeconfig": path}

    # Faults.

    def do_fault(self, kind, **values):
        return {"id": self._server.faults.add(kind, **values)}

    def do_faults(self):
        return {"faults": self._server.faults.list()}

    def do_clear_faults(self, id=None):
        self._server.faults.clear(id)

    def _watches(self, resource):
        return [watch for watch in self._server.api.watches if resource in ("*", watch.table.resource.name)]

    def do_inject(self, resource="*", text=None, data=None):
        """Bytes into the open watches, as they are: `text`, or `data` in base64."""
        content = text.encode() if text is not None else base64.b64decode(data)
        for watch in self._watches(resource):
            watch.inject(content)
        return {"watches": len(self._watches(resource))}

    def do_watch_error(self, resource="*", code=410, end=True):
        """An ERROR event into the open watches, which then end."""
        for watch in (watches := self._watches(resource)):
            watch.error(api_status.too_old(1, self._store.version) if code == 410 else api_status.injected(code))
            if end:
                watch.end()
        return {"watches": len(watches)}

    def do_bookmark(self, resource="*"):
        """A bookmark into the open watches now."""
        for watch in (watches := self._watches(resource)):
            watch.inject(watch.bookmark())
        return {"watches": len(watches), "version": self._store.version}

    def do_end_watches(self, resource="*"):
        for watch in (watches := self._watches(resource)):
            watch.end()
        return {"watches": len(watches)}

    # Connections and the process.

    def do_drop(self, how="reset"):
        return {"connections": self._server.drop(how)}

    def do_go_away(self):
        return {"connections": self._server.go_away()}

    def do_freeze(self):
        return {"connections": self._server.freeze()}

    def do_thaw(self):
        self._server.thaw()

    def do_stop(self, how="close"):
        self._server.stop_listening()
        return {"connections": self._server.drop(how)}

    def do_start(self, port=None, addresses=None):
        """Addresses other than before come with a certificate for them."""
        if addresses:
            self._server.addresses = self._files.addresses = addresses
            self.do_certificate()
        self._server.listen(self._server.port if port is None else port)
        return self.ready()

    def do_restart(self, other_port=False, how="close", addresses=None):
        """Stop and start in one. The kubeconfigs are written anew."""
        self.do_stop(how)
        return self.do_start(0 if other_port else None, addresses)

    # What clients did.

    def _requests(self, resource, verb, since):
        return [record for record in self._server.requests if record["number"] > since and
                resource in ("*", record["resource"]) and verb in ("*", record["verb"])]

    def do_stats(self, resource="*", verb="*", since=0, requests=True):
        """`since`: the number of a request; only later ones are counted and shown."""
        found = self._requests(resource, verb, since)
        watches = {name: 0 for name in RESOURCES}
        for watch in self._server.api.watches:
            watches[watch.table.resource.name] += 1
        return {"count": len(found), "last": self._server.requests[-1]["number"] if self._server.requests else 0,
                "connections": len(self._server.connections),
                "failed_handshakes": self._server.failed_handshakes, "watches": watches, "version": self._store.version,
                **({"requests": found} if requests else {})}

    async def do_wait(self, resource="*", verb="*", count=1, since=0, watches=None, connections=None, events=None,
                      failed_handshakes=None, timeout=10):
        """Answers once `count` such requests came since, or as many watches (of the resource), connections, posted Events
        or failed handshakes as asked for are there.
        """
        def there():
            if watches is not None:
                return len(self._watches(resource)) == watches
            if connections is not None:
                return len(self._server.connections) == connections
            if events is not None:
                return len(self._store.tables["events"].entries) >= events
            if failed_handshakes is not None:
                return self._server.failed_handshakes >= failed_handshakes
            return len(self._requests(resource, verb, since)) >= count
        end = time.monotonic() + timeout
        while not there():
            if time.monotonic() > end:
                raise RuntimeError(f"that did not come about in {timeout} s; {self.do_stats(requests=False)}")
            await asyncio.sleep(0.002)
        return self.do_stats(resource, verb, since, requests=False)
