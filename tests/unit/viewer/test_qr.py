from __future__ import annotations

import pytest

from goop2_core.errors import Refused
from goop2_core.viewer.qr import draw


def test_an_address_becomes_a_picture_that_fits_any_size():
    picture = draw("goop2:12D3KooWBfeSB")
    assert picture.startswith(b"<svg ")
    assert b"viewBox" in picture
    assert b' width="' not in picture.split(b">", 1)[0]


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", "\x00\ud7ff", "ü" * 500])
def test_any_text_is_only_dots(text):
    assert b"script" not in draw(text)


def test_too_long_a_text_is_refused():
    with pytest.raises(Refused, match="too long"):
        draw("\U0001f600" * 1000)
