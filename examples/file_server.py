#!/usr/bin/env python3
"""An HTTP server for the files of a directory; no client waits for another's disk.

    python examples/file_server.py DIRECTORY [PORT]

    curl http://127.0.0.1:PORT/               the names of the files
    curl http://127.0.0.1:PORT/name           a file; curl -C - takes the rest of it
    curl -T file http://127.0.0.1:PORT/name   replaces a file, as a whole or not at all

SIGTERM or Ctrl-C ends it, after the requests that are under way or GRACE seconds.
"""

import asyncio
import errno
import os
import re
import signal
import stat
import sys
from urllib.parse import quote, unquote_to_bytes

from butter.asyncio import aio
from butter.asyncio.signalfd import Signalfd_async

BLOCK = 1 << 18  # bytes of a read
MOST = 1 << 26  # bytes of an upload
PATIENCE = 60  # seconds for a client that neither sends nor reads
GRACE = 5
# a symbolic link is ELOOP here, and a socket ENXIO
ANSWERS = {
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EISDIR, errno.ELOOP, errno.ENXIO), "403 Forbidden"),
    errno.ENAMETOOLONG: "404 Not Found",
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), "507 Insufficient Storage"),
}


class Refused(Exception):
    """An answer that is not the file."""


def head(status: str, size: int, more: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {size}\r\nConnection: close\r\n{more}\r\n".encode()


async def send(path: bytes, headers: bytes, writer: asyncio.StreamWriter, body: bool) -> None:
    # neither a symbolic link out of the directory, nor a named pipe that waits
    async with aio.open(path, "rb", buffering=0, flags=os.O_NOFOLLOW | os.O_NONBLOCK) as file:
        found = await file.stat()
        if not stat.S_ISREG(found.st_mode):
            raise Refused("403 Forbidden")
        asked = re.search(rb"(?mi)^range: *bytes=(\d{1,18})-\r$", headers)
        start = int(asked[1]) if asked else 0
        if asked and start >= found.st_size:
            raise Refused("416 Range Not Satisfiable")
        where = f"Content-Range: bytes {start}-{found.st_size - 1}/{found.st_size}\r\n" if asked else ""
        writer.write(head("206 Partial Content" if asked else "200 OK", found.st_size - start, where))
        while body and start < found.st_size:
            try:
                block = await file.pread(min(BLOCK, found.st_size - start), start)
            except OSError as error:
                print(error, file=sys.stderr)
                return  # an answer would be a part of the file
            if not block:
                return  # it was cut off; the client gets fewer bytes than it was told
            writer.write(block)
            start += len(block)
            await asyncio.wait_for(writer.drain(), PATIENCE)


async def receive(path: bytes, headers: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    told = re.search(rb"(?mi)^content-length: *(\d{1,18})\r$", headers)
    if told is None:
        raise Refused("411 Length Required")
    if int(told[1]) > MOST:
        raise Refused("413 Content Too Large")
    try:
        found = await aio.stat(path, follow_symlinks=False)
    except FileNotFoundError:
        pass
    else:
        if not stat.S_ISREG(found.st_mode):  # a pipe would wait
            raise Refused("403 Forbidden")
    if re.search(rb"(?mi)^expect: *100-continue\r$", headers):
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    data = await asyncio.wait_for(reader.readexactly(int(told[1])), PATIENCE)
    # a link may lead out of the directory
    await aio.write_file(path, data, follow_symlinks=False)
    writer.write(head("201 Created", 0))


def hidden(name: bytes) -> bool:
    # as in other servers; an upload that is being written has such a name, too
    return name.startswith(b".")


async def names(directory: bytes, writer: asyncio.StreamWriter, body: bool) -> None:
    entries = [entry for entry in await aio.scandir(directory) if entry.is_file(follow_symlinks=False)]
    found = sorted(quote(entry.name) for entry in entries if not hidden(entry.name))
    text = "".join(f"/{name}\n" for name in found).encode()
    writer.write(head("200 OK", len(text), "Content-Type: text/plain; charset=utf-8\r\n") + (text if body else b""))


async def answer(directory: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        request = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)
        parts = re.match(rb"([A-Z]+) /([^ ?]*)(?:\?[^ ]*)? HTTP/1\.[01]\r\n", request)
        if parts is None:
            raise Refused("400 Bad Request")
        method, name = parts[1], unquote_to_bytes(parts[2])
        if b"/" in name or b"\0" in name or hidden(name):
            raise Refused("404 Not Found")
        if method in (b"GET", b"HEAD") and not name:
            await names(directory, writer, body=method == b"GET")
        elif method in (b"GET", b"HEAD"):
            await send(os.path.join(directory, name), request, writer, body=method == b"GET")
        elif method == b"PUT" and name:
            await receive(os.path.join(directory, name), request, reader, writer)
        else:
            raise Refused("405 Method Not Allowed")
    except Refused as refused:
        writer.write(head(str(refused), 0))
    except FileNotFoundError:
        writer.write(head("404 Not Found", 0))
    except (ConnectionError, TimeoutError):
        raise
    except OSError as error:
        print(error, file=sys.stderr)
        writer.write(head(ANSWERS.get(error.errno or 0, "500 Internal Server Error"), 0))


async def main(directory: str, port: int) -> None:
    clients: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        clients.add(task)
        try:
            await answer(os.fsencode(directory), reader, writer)
            await asyncio.wait_for(writer.drain(), PATIENCE)
        except (ConnectionError, EOFError, TimeoutError, asyncio.TimeoutError, asyncio.LimitOverrunError):
            pass  # the client has gone, or sends no request
        except asyncio.CancelledError:
            pass  # the server ends
        finally:
            clients.discard(task)
            writer.close()

    async with Signalfd_async([signal.SIGINT, signal.SIGTERM]) as signals:
        server = await asyncio.start_server(serve, "127.0.0.1", port)
        print("port", server.sockets[0].getsockname()[1], flush=True)
        await signals.get()
        server.close()
        if clients:
            _, late = await asyncio.wait(clients, timeout=GRACE)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0))
