"""What a page may load."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QUrl

from goop2_desktop.web.guard import allowed

PAGE = "http://own.localhost:8080/a/page"


@pytest.mark.parametrize(
    ("request_url", "page", "answer"),
    [
        ("http://own.localhost:8080/x.png", PAGE, True),
        ("ws://own.localhost:8080/api/live", PAGE, True),
        ("data:image/png;base64,AA", PAGE, True),
        (f"blob:{PAGE}", PAGE, True),
        ("http://own.localhost:8081/x.png", PAGE, False),
        ("wss://own.localhost:8080/", PAGE, False),
        ("ws://other.localhost:8080/", PAGE, False),
        ("http://127.0.0.1:8080/x.png", PAGE, False),
        ("https://example.org/x.png", PAGE, False),
        ("file:///etc/passwd", PAGE, False),
        ("chrome-extension://abc/x.js", PAGE, False),
        ("http://own.localhost:8080/x.png", "", False),
        ("", "", False),
    ],
)
def test_only_the_own_origin(request_url, page, answer):
    assert allowed(QUrl(request_url), QUrl(page)) is answer
