# SPDX-License-Identifier: Apache-2.0
"""The API's paths and verbs: list, get, watch, writes, /version and the health paths."""

import base64
import json
import random
import re
import time

import api_status
import encoding
import object_selector
from resources import RESOURCES
from watch import Selection, Watch, refuse_streaming_list

_PATH = re.compile(r"/(?:api/(v1)|apis/([^/]+/[^/]+))(?:/namespaces/([^/]+))?/([a-z]+)(?:/([^/]+)(?:/status)?)?")
_WRITE_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}

VERSION = {"major": "1", "minor": "36", "emulationMajor": "1", "emulationMinor": "36", "minCompatibilityMajor": "1",
           "minCompatibilityMinor": "35", "gitVersion": "v1.36.0", "gitCommit": "waggle-test-api-server",
           "gitTreeState": "", "buildDate": "1970-01-01T00:00:00Z", "goVersion": "none", "compiler": "none",
           "platform": "linux/amd64"}


class Call:
    """A request about a resource, understood."""

    def __init__(self, request):
        self.request = request
        self.query = request.query()
        self.resource, self.namespace, self.name = _find(request.path)
        self.verb = self._verb()

    def _verb(self):
        if self.request.method not in ("GET", "HEAD"):
            return _WRITE_VERBS.get(self.request.method, "unknown")
        if self.resource is None or self.name:
            return "get"
        return "watch" if self.query.get("watch") in ("1", "true") else "list"

    def selection(self):
        return Selection(self.namespace, object_selector.label_selector(self.query.get("labelSelector")),
                         object_selector.field_selector(self.resource, self.query.get("fieldSelector")))

    def number(self, name):
        """The query's number; None without one."""
        text = self.query.get(name, "")
        if not text:
            return None
        if not text.isdigit():
            raise api_status.bad_request(f'{name}: Invalid value: "{text}": strconv.ParseUint: parsing "{text}": '
                                         "invalid syntax")
        return int(text)


def _find(path):
    """(resource, namespace, name); a resource of None: no path of a resource."""
    if match := _PATH.fullmatch(path):
        core, group_version, namespace, name, item = match.groups()
        resource = RESOURCES.get(name)
        if resource and resource.api_version == (core or group_version) and (resource.namespaced or not namespace):
            return resource, namespace or "", item or ""
    return None, "", ""


class Api:
    """Answers calls from the store. `settings` are read at every request."""

    def __init__(self, store, settings):
        self._store = store
        self._settings = settings
        self.watches = set()
        self._lists = {}  # (resource, query parts, content type) -> (version, body)

    async def answer(self, call, reply):
        """`reply` is the faulty or plain way to the client (reply.py)."""
        if call.resource is None:
            await self._plain(call, reply)
            return
        content_type = encoding.negotiate(call.request.headers.get("accept"), self._settings.json_only)
        if call.verb == "watch":
            await self._watch(call, reply, content_type)
        elif call.verb == "list":
            await reply.body(200, content_type, self._list(call, content_type))
        elif call.verb == "get":
            await reply.body(200, content_type, self._get(call).alone(content_type))
        else:
            code, entry = self._write(call)
            await reply.body(code, content_type, entry.alone(content_type))

    async def _plain(self, call, reply):
        if call.request.path == "/version":
            await reply.body(200, encoding.JSON, json.dumps(VERSION, indent=2).encode())
        elif call.request.path in ("/readyz", "/livez", "/healthz"):
            await reply.body(200, "text/plain; charset=utf-8", b"ok")
        else:
            raise api_status.not_found_path()

    def _get(self, call):
        table = self._store.tables[call.resource.name]
        entry = table.entries.get(call.resource.key(call.namespace, call.name))
        if entry is None:
            raise api_status.not_found(call.resource, call.name)
        return entry

    # Lists.

    def _list(self, call, content_type):
        table = self._store.tables[call.resource.name]
        selection = call.selection()
        if "sendInitialEvents" in call.query:
            raise api_status.invalid_options([("sendInitialEvents", "sendInitialEvents is forbidden for list")])
        version, after = self._start(call, table)
        limit = 0 if call.query.get("resourceVersion") == "0" else call.number("limit") or 0
        key = (call.resource.name, call.namespace, call.query.get("labelSelector"), call.query.get("fieldSelector"),
               content_type)
        if not limit and not after and self._lists.get(key, (None,))[0] == version:
            return self._lists[key][1]
        body = self._page(table, selection, version, after, limit, content_type)
        if not limit and not after:
            self._lists[key] = (version, body)
        return body

    def _start(self, call, table):
        """(version of the list, key to begin behind)."""
        current = self._store.version
        if token := call.query.get("continue"):
            return self._continued(token, table)
        version, match = call.number("resourceVersion"), call.query.get("resourceVersionMatch")
        if match and version is None:
            raise api_status.invalid_options([("resourceVersionMatch", "resourceVersionMatch is forbidden unless "
                                               "resourceVersion is provided")])
        if version and version > current:
            raise api_status.too_new(version, current)
        if match == "Exact":
            if version < table.compacted:
                raise api_status.list_too_old()
            return version, ""
        return (max(table.version, version) if version is not None else current), ""

    def _continued(self, token, table):
        try:
            content = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
            version, start = content["rv"], content["start"].rstrip("\0")
        except (ValueError, KeyError, TypeError):
            raise api_status.bad_request("continue key is not valid: illegal base64 or JSON in it") from None
        if version == -1:
            return self._store.version, start
        if version < table.compacted:
            raise api_status.continue_too_old(_continue_token(-1, start))
        return version, start

    def _page(self, table, selection, version, after, limit, content_type):
        keys, entries = table.snapshot(version)
        keys = [key for key in keys if "/" + key > after] if after else keys
        metadata = {"resourceVersion": str(version)}
        if selection.everything():
            chosen = [entries[key] for key in (keys[:limit] if limit else keys)]
            left = len(keys) - len(chosen)
        else:
            keys = [key for key in keys if selection.has(entries[key])]
            chosen = [entries[key] for key in (keys[:limit] if limit else keys)]
            left = len(keys) - len(chosen)
        if left:
            metadata["continue"] = _continue_token(version, "/" + keys[limit - 1])
            if not selection.filtered():
                metadata["remainingItemCount"] = left
        return encoding.encode_list(table.resource, metadata, chosen, content_type)

    # Watches.

    async def _watch(self, call, reply, content_type):
        table = self._store.tables[call.resource.name]
        streaming = self._check_watch(call)
        version = call.number("resourceVersion") or 0
        from_scratch = streaming or version == 0
        watch = Watch(self._store, table, call.selection(), content_type,
                      self._store.version if from_scratch else version)
        self.watches.add(watch)
        try:
            await self._run_watch(call, reply, watch, version, from_scratch, streaming)
        finally:
            self.watches.discard(watch)
            watch.close()

    def _check_watch(self, call):
        """Whether the watch begins with a streaming list; raises for options that the server refuses."""
        asked, match = call.query.get("sendInitialEvents"), call.query.get("resourceVersionMatch")
        mode = self._settings.streaming_lists
        if mode != "enabled" and (asked is not None or match):
            raise refuse_streaming_list(mode)
        if asked is not None and match != "NotOlderThan":
            raise api_status.invalid_options([("resourceVersionMatch", "sendInitialEvents requires setting "
                                               "resourceVersionMatch to NotOlderThan")])
        if asked is None and match:
            raise refuse_streaming_list("unknown")
        version = call.number("resourceVersion")
        if asked == "true" and version and version > self._store.version:
            raise api_status.too_new(version, self._store.version)
        return asked == "true"

    async def _run_watch(self, call, reply, watch, version, from_scratch, streaming):
        too_old = not from_scratch and version < watch.table.compacted
        if too_old and self._settings.gone_as == "status":
            raise api_status.ApiError(api_status.too_old(version, self._store.version))
        bookmarks = call.query.get("allowWatchBookmarks") in ("1", "true")
        initial = []  # made before the first await: what changes later is in the watch's own queue
        if from_scratch and call.query.get("sendInitialEvents") != "false":
            initial = watch.initial(with_end=streaming and bookmarks)
        seconds = call.number("timeoutSeconds") or random.randint(1800, 3600)
        deadline = time.monotonic() + seconds
        suffix = ";stream=watch" if watch.content_type == encoding.PROTOBUF else ""
        await reply.start(200, watch.content_type + suffix)
        if too_old:
            await reply.events([watch.error_frame(api_status.too_old(version, self._store.version))], watch.error_frame)
            await reply.end()
            return
        for frames in initial:
            await reply.events(frames, watch.error_frame)
        if initial:
            reply.note_listed()
        await watch.run(reply, self._settings.bookmark_interval if bookmarks else 0, deadline)
        await reply.end()

    # Writes.

    def _write(self, call):
        """(status code, the object)."""
        if call.verb == "delete":
            entry = self._get(call)
            self._store.delete(call.resource, call.namespace, call.name)
            return 200, entry
        content_type = call.request.headers.get("content-type", encoding.JSON)
        try:
            value = encoding.decode_body(content_type, call.request.body)
        except (ValueError, KeyError) as error:
            raise api_status.bad_request(f"the body of the request is not as its content type says: {error}") from None
        table = self._store.tables[call.resource.name]
        if call.verb == "create":
            return 201, self._create(call, table, value)
        if call.verb not in ("update", "patch"):
            raise api_status.method_not_allowed()
        old = self._get(call).value
        if call.verb == "patch":
            value = _merge(old, value)
        return 200, self._store.put(call.resource, value)

    def _create(self, call, table, value):
        metadata = value.setdefault("metadata", {})
        if call.resource.namespaced:
            metadata.setdefault("namespace", call.namespace)
        if not metadata.get("name") and metadata.get("generateName"):
            metadata["name"] = metadata["generateName"] + "%05x" % random.getrandbits(20)
        if table.resource.key(metadata.get("namespace"), metadata.get("name", "")) in table.entries:
            raise api_status.already_exists(call.resource, metadata["name"])
        return self._store.put(call.resource, value)


def _continue_token(version, start):
    text = json.dumps({"v": "meta.k8s.io/v1", "rv": version, "start": start + "\0"}, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _merge(old, patch):
    """A JSON merge patch."""
    if not isinstance(patch, dict) or not isinstance(old, dict):
        return patch
    merged = {key: item for key, item in old.items() if key not in patch}
    merged.update({key: _merge(old.get(key), item) for key, item in patch.items() if item is not None})
    return merged
