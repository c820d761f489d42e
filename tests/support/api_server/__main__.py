# SPDX-License-Identifier: Apache-2.0
"""A Kubernetes API server for tests. Ends when its standard input does. README.md says how to use it."""

import argparse
import asyncio
import json
import os
import pathlib
import shutil
import signal
import sys
import tempfile

from auth import Auth
from control import Control
from files import Files
from real_server import RealServer
from server import Server
from store import Store


def options():
    parser = argparse.ArgumentParser(prog="api_server", description=__doc__)
    parser.add_argument("--address", action="append", help="listen here (default: 127.0.0.1 and ::1); may be repeated")
    parser.add_argument("--port", type=int, default=0, help="the port to listen on (default: any free one)")
    parser.add_argument("--folder", help="put certificates, token and kubeconfig here and leave them (default: a "
                                         "temporary folder, removed at the end)")
    parser.add_argument("--load", action="append", default=[], metavar="FILE", help="a recorded list to begin with")
    parser.add_argument("--real", action="store_true", help="a real kube-apiserver from the folder KUBEBUILDER_ASSETS names")
    parser.add_argument("--socket", help="take commands on this unix socket, too")
    return parser.parse_args()


async def serve_lines(control, reader, write):
    """Commands from one place, one after another, until it ends."""
    while text := await reader.readline():
        write(await control.line(text) + "\n")


async def serve_client(control, reader, writer):
    await serve_lines(control, reader, lambda text: writer.write(text.encode()))
    writer.close()


async def serve_stdin(control, write):
    reader = asyncio.StreamReader(limit=1 << 28)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await serve_lines(control, reader, write)
    control.ended.set()


def load(control, file):
    try:
        control.do_load(file)
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{file} is no recorded list: {error!r}") from None


def say(text):
    sys.stdout.write(text)
    sys.stdout.flush()


def test_server(arguments, folder):
    addresses = arguments.address or ["127.0.0.1", "::1"]
    files = Files(folder, addresses)
    server = Server(Store(), Auth(files.token_file), files.client_authority.certificate, addresses)
    server.use_certificate(*files.server_certificate())
    control = Control(server, files)
    for file in arguments.load:
        load(control, file)
    server.listen(arguments.port)
    return control


def real_server(arguments, folder):
    address = (arguments.address or ["127.0.0.1"])[0]
    control = RealServer(Files(folder, [address]), folder, address, arguments.port)
    control.begin()
    for file in arguments.load:
        load(control, file)
    return control


async def run(arguments, folder):
    loop = asyncio.get_running_loop()
    control = (real_server if arguments.real else test_server)(arguments, folder)
    try:
        for ending in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(ending, control.ended.set)
        if arguments.socket:
            await asyncio.start_unix_server(lambda reader, writer: serve_client(control, reader, writer), arguments.socket,
                                            limit=1 << 28)
        say(json.dumps({**control.ready(), "pid": os.getpid(), "socket": arguments.socket}) + "\n")
        stdin = asyncio.create_task(serve_stdin(control, say))
        await control.ended.wait()
        stdin.cancel()
    finally:
        control.end()


def main():
    arguments = options()
    folder = pathlib.Path(arguments.folder or tempfile.mkdtemp(prefix=f"waggle-api-server-{os.getpid()}-"))
    folder.mkdir(exist_ok=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # until the loop has its own way to end
    try:
        asyncio.run(run(arguments, folder))
    except (RuntimeError, OSError, ValueError) as error:
        sys.exit(f"api_server: {error}")
    finally:
        if not arguments.folder:
            shutil.rmtree(folder, ignore_errors=True)


main()
