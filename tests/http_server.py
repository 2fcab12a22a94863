"""HTTP servers on this machine, with ranges and without, for tests of inputs by address."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


class InOnePiece(SimpleHTTPRequestHandler):
    """Python's own handler, which knows no ranges."""

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


class WithRanges(InOnePiece):
    """A handler that gives ranges (RFC 9110, 14), and counts the bytes that it sends."""

    def do_GET(self) -> None:
        """Answers with a part of a file, or all of it."""
        path = Path(self.translate_path(self.path))
        if not path.is_file():
            self.send_error(404)
            return
        data = path.read_bytes()
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        begin, end = 0, len(data)
        if asked:
            begin, end = int(asked[1]), min(int(asked[2] or len(data)) + 1, len(data))
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {begin}-{end - 1}/{len(data)}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(end - begin))
        self.end_headers()
        self.server.sent.append((begin, end))  # type: ignore[attr-defined]
        self.wfile.write(data[begin:end])


@contextmanager
def served(folder: Path, handler: type[InOnePiece] = WithRanges) -> Iterator[tuple[str, list[tuple[int, int]]]]:
    """Serves a folder; gives its address, and the ranges that are sent."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(folder)))
    server.sent = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", server.sent  # type: ignore[attr-defined]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
