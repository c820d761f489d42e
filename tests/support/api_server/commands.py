# SPDX-License-Identifier: Apache-2.0
"""The control protocol: one JSON object a line, one answer a line."""

import asyncio
import inspect
import json

import api_status


class Commands:
    """Every method do_NAME of a class made from this is the command NAME; its parameters are the command's."""

    def __init__(self):
        self.ended = asyncio.Event()

    def end(self):
        """Ends what the commands are about."""

    async def line(self, text):
        """The answer to one line: {"ok": true, ...} or {"ok": false, "error": words}."""
        try:
            return json.dumps({"ok": True, **(await self._run(json.loads(text)) or {})})
        except (ValueError, TypeError, KeyError, RuntimeError, OSError, api_status.ApiError) as error:
            return json.dumps({"ok": False, "error": f"{type(error).__name__}: {error}"})

    async def _run(self, command):
        name = command.pop("command", None)
        method = getattr(self, f"do_{name}", None)
        if method is None:
            raise ValueError(f"there is no command {name!r}; there are: {', '.join(self.names())}")
        result = method(**command)
        return await result if inspect.isawaitable(result) else result

    def names(self):
        return [name[3:] for name in dir(self) if name.startswith("do_")]

    def do_quit(self):
        self.ended.set()
