"""Sites and a console as a viewer would serve them: plain pages on one port of this computer."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PAGE = """<!doctype html><html lang="en"><title>{title}</title>
<body style="font:16px serif;padding:40px;background:#FFFDF7">
<h1>{title}</h1><p id="said">{text}</p>{more}</body></html>"""


class Sites:
    """`pages[path]` is (status, headers, body); everything asked for is noted in `asked` as `host path`."""

    def __init__(self) -> None:
        self.pages: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.asked: list[str] = []
        self.held: dict[str, threading.Event] = {}  # by host: its answers wait for that
        self.broken: set[str] = set()  # hosts whose connections end without an answer
        self.port = 0

    def page(self, path: str, title: str, text: str = "", more: str = "", status: int = 200) -> None:
        body = PAGE.format(title=title, text=text, more=more).encode()
        self.pages[path] = (status, {"Content-Type": "text/html; charset=utf-8"}, body)

    def file(self, path: str, body: bytes, name: str) -> None:
        headers = {"Content-Type": "application/octet-stream", "Content-Disposition": f'attachment; filename="{name}"'}
        self.pages[path] = (200, headers, body)

    def origin(self, label: str) -> str:
        return f"http://{label}.localhost:{self.port}"


@contextmanager
def serving() -> Iterator[Sites]:
    """A server with its threads, until the end of the block."""
    sites = Sites()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.split("?", 1)[0]
            sites.asked.append(f"{self.headers['Host'].split(':')[0]} {self.path}")
            if (gate := sites.held.get(self.headers["Host"].split(":")[0])) is not None:
                gate.wait(30)
            if self.headers["Host"].split(":")[0] in sites.broken:
                self.close_connection = True
                return
            status, headers, body = sites.pages.get(path, (404, {"Content-Type": "text/html"}, b"<p>Nothing here"))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    sites.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield sites
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
