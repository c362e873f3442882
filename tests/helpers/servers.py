"""A web server on this machine, for tests of downloads: it can break off, ignore ranges and change files."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Server(ThreadingHTTPServer):
    """`files` by path; the first `breaks` answers end after `break_after` bytes of their body."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, bytes] = {}
        self.breaks = 0
        self.break_after = 1000
        self.with_ranges = True
        self.etag = '"1"'
        self.failures: list[int] = []  # codes of the next answers
        self.requests: list[tuple[str, str]] = []  # path and Range of each request

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/{name}"

    def put(self, name: str, content: bytes) -> str:
        self.files[f"/{name}"] = content
        return self.url(name)


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        asked = self.headers.get("Range", "")
        self.server.requests.append((self.path, asked))
        if self.server.failures:
            self.send_error(self.server.failures.pop(0))
            return
        content = self.server.files.get(self.path)
        if content is None:
            self.send_error(404)
            return
        self._send(content, self._start(asked))

    def _start(self, asked: str) -> int:
        match = re.fullmatch(r"bytes=(\d+)-", asked)
        condition = self.headers.get("If-Range")
        fresh = condition is None or condition == self.server.etag
        return int(match[1]) if match and self.server.with_ranges and fresh else 0

    def _send(self, content: bytes, start: int) -> None:
        if start >= len(content) > 0:
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(content)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        body = content[start:]
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(body)))
        if self.server.etag:
            self.send_header("ETag", self.server.etag)
        self.end_headers()
        if self.server.breaks:
            self.server.breaks -= 1
            body = body[: self.server.break_after]
            self.close_connection = True
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class's name)
        pass


@contextmanager
def serving() -> Iterator[Server]:
    """A server that runs inside the `with` block."""
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
