"""A real HTTP server on 127.0.0.1 that behaves well or badly, by the path that is asked for."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BODY = bytes(range(256)) * 800


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        routes = {
            "/good.pt": self._good,
            "/yolo26n.pt": self._good,
            "/yolo11n.pt": self._good,
            "/with%20space.pt": self._good,
            "/cut": self._cut,
            "/unannounced": self._unannounced,
            "/chunked": self._chunked,
            "/chunked-cut": self._chunked_cut,
            "/moved": lambda: self._moved("/good.pt"),
            "/moved-to-file": lambda: self._moved("file:///etc/passwd"),
            "/moved-to-ftp": lambda: self._moved("ftp://127.0.0.1/x"),
            "/moved-forever": lambda: self._moved("/moved-forever"),
            "/garbage": lambda: self.wfile.write(b"not http at all\r\n\r\n"),
        }
        self.close_connection = True
        routes.get(self.path, lambda: self.send_error(404))()

    def _head(self, **headers: str) -> None:
        self.send_response(200)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def _good(self) -> None:
        self._head(Content_Length=str(len(BODY)))
        self.wfile.write(BODY)

    def _cut(self) -> None:
        self._head(Content_Length=str(len(BODY)))
        self.wfile.write(BODY[: len(BODY) // 2])

    def _unannounced(self) -> None:
        self._head(Connection="close")
        self.wfile.write(BODY)

    def _chunked(self) -> None:
        self._head(Transfer_Encoding="chunked")
        self.wfile.write(b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY))

    def _chunked_cut(self) -> None:
        self._head(Transfer_Encoding="chunked")
        self.wfile.write(b"%x\r\n%b" % (len(BODY), BODY[:1000]))

    def _moved(self, target: str) -> None:
        self.send_response(302)
        self.send_header("Location", target)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        pass


@contextmanager
def local_server() -> Iterator[str]:
    """The server's address, without a slash at the end."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
