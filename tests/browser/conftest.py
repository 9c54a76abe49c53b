"""The pages in a real browser. What they need and lack is said, and is a failure where CI runs."""

from __future__ import annotations

import pytest

from goop2_core.resources import resource
from tests.browser.browser import CHROMIUM
from tests.support.needs import need


@pytest.fixture(autouse=True)
def _browser() -> None:
    need(None if CHROMIUM else "no Chromium here: apt install chromium")
    need(None if resource("console", "vendor", "stamp").is_file() else "run packaging/vendor.py first")
