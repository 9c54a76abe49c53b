"""Where the files that belong to the app lie, in a checkout, an installed package or a bundle."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path


@cache
def resources() -> Path:
    """The `resources` folder. Raises `FileNotFoundError` if this installation has none."""
    here = Path(__file__).resolve().parent
    bundle = getattr(sys, "_MEIPASS", None)
    places = [Path(bundle)] if bundle else []
    places += [here.parent, here.parent / "goop2_core", Path(sys.prefix) / "share" / "goop2"]
    for place in places:
        if (place / "resources" / "theme.json").is_file():
            return place / "resources"
    raise FileNotFoundError(f"goop2's resources are in none of {[str(place) for place in places]}")


def resource(*parts: str) -> Path:
    """The path of one of the app's own files, such as `resource("icons", "lucide", "x.svg")`."""
    return resources().joinpath(*parts)
