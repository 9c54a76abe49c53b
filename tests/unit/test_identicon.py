"""Pictures of peers without one."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goop2_core.identicon import identicon

ID = "12D3KooWA4Xop1JaT3MHxwYMkCepYsv4iPVopMXwCz5iHYdBfeSB"
SVG = "{http://www.w3.org/2000/svg}"


def cells(svg: str) -> set[tuple[float, float]]:
    path = ET.fromstring(svg).find(f"{SVG}path")
    assert path is not None
    return {(float(x), float(y)) for x, y in re.findall(r"M([\d.]+) ([\d.]+)h4.8v4.8h-4.8z", path.attrib["d"])}


@given(st.text(max_size=60), st.sampled_from(["light", "dark"]))
def test_every_picture_is_mirrored_within_its_circle_and_one_path(seed, mode):
    svg = identicon(seed, mode)
    root = ET.fromstring(svg)
    assert [child.tag for child in root] == [f"{SVG}circle", f"{SVG}path"]
    assert {(round(40 - 4.8 - x, 1), y) for x, y in cells(svg)} == cells(svg)
    assert all(8 <= part <= 27.2 for cell in cells(svg) for part in cell)


def test_it_depends_on_the_peer_and_the_colours_on_the_mode():
    assert identicon(ID) == identicon(ID, "light")
    assert cells(identicon(ID, "dark")) == cells(identicon(ID)) != cells(identicon(ID[::-1]))
    # SHA-256 of the ID begins with 0xae: hue 244
    assert 'fill="#2c2654"' in identicon(ID, "dark")
    assert 'fill="#8f85d6"' in identicon(ID, "dark")


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_the_pattern_can_be_seen(mode):
    """At least 3 : 1, as for every graphic that means something (WCAG 1.4.11)."""
    for seed in range(400):
        ground, ink = re.findall(r'fill="(#[0-9a-f]{6})"', identicon(str(seed), mode))
        low, high = sorted((luminance(ground), luminance(ink)))
        assert (high + 0.05) / (low + 0.05) >= 3
