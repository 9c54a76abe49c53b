import json
import re

from goop2_core.resources import resource
from goop2_core.viewer import theme

TOKENS = json.loads(resource("theme.json").read_text())


def blocks():
    text = theme.css()
    return re.findall(r":root[^{]*\{([^}]*)\}", text)


def variables(block):
    return dict(re.findall(r"--([\w-]+):([^;]*);", block))


def test_both_modes_have_every_colour():
    light, system_dark, dark = (variables(block) for block in blocks())
    for name, value in TOKENS["colour"]["light"].items():
        assert light[name] == value
    for name, value in TOKENS["colour"]["dark"].items():
        assert dark[name] == system_dark[name] == value
    assert light["space-8"] == "8px"
    assert light["call-hang-up"] == TOKENS["colour"]["call"]["hang-up"]
    assert light["font-body"] == "400 13px/20px var(--sans)"
    assert "JetBrains Mono" in light["mono"]


def test_the_class_wins_over_the_system():
    text = theme.css()
    assert "@media (prefers-color-scheme:dark){:root:not(.light){" in text
    assert ":root.dark{" in text
    assert text.count("{") == text.count("}")
