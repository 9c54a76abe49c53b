"""Where the files that belong to goop2 lie: in a checkout, an installed package or a bundle."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

from goop2_core.errors import Goop2Error


@cache
def _root() -> Path:
    here = Path(__file__).resolve().parent
    bundle = getattr(sys, "_MEIPASS", None)
    places = [Path(bundle)] if bundle else []
    places += [here.parent, here, Path(sys.prefix) / "share" / "goop2"]
    for place in places:
        if (place / "resources" / "theme.json").is_file():
            return place / "resources"
    looked = ", ".join(str(place) for place in places)
    raise Goop2Error(
        "goop2 is not installed completely", f"Its resources are in none of {looked}.", "Install it again."
    )


def resource(*parts: str) -> Path:
    """The path of one of goop2's own files, such as `resource("docs", "index.md")`; whether it exists is not checked.

    Raises `Goop2Error` if this installation has no resources. `parts` come from our code, never from a request.
    """
    return _root().joinpath(*parts)
