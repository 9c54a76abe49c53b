"""The one place where JSON text from a stranger becomes Python values: finite numbers, bounded depth and size.

Python's own parser takes `NaN`, numbers of any length, any depth and lone surrogates, each of which breaks something
later on (the database, another peer, the stack); and a few bytes of text can become hundreds of bytes of objects.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any, NoReturn

from goop2_core.errors import Refused

MOST_DEPTH = 64
MOST_VALUES = 100_000
LONGEST_INTEGER = 20


def loads(data: bytes, *, most_values: int = MOST_VALUES) -> Any:
    """The first JSON value in `data`; what follows it is ignored.

    Raises `Refused` (400) for what is not JSON (RFC 8259) or not UTF-8, for numbers that are not finite, for more than
    64 levels and for more than `most_values` values. Integers beyond 64 bits become floats, lone surrogates `?`.
    """
    openings = data.count(b"[") + data.count(b"{")
    if openings + data.count(b",") > most_values:
        raise Refused("There are too many values", status=400)
    try:
        text = data.decode()
        value, _ = _decoder.raw_decode(text, _skip_space(text))
        if openings > MOST_DEPTH:
            _check_depth(value)
        if b"\\ud" in data or b"\\uD" in data:
            value = json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
    except (ValueError, StopIteration, RecursionError) as error:
        raise Refused("The message is not valid JSON", status=400) from error
    return value


def dumps(value: Any) -> bytes:
    """Compact UTF-8 JSON.

    Raises `Refused` (400) for what JSON cannot say (NaN, infinity, other types) and for more values than `loads` takes.
    """
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (ValueError, TypeError, RecursionError) as error:
        raise Refused("This cannot be sent as JSON", str(error), status=400) from error
    data = text.encode("utf-8", "replace")
    if data.count(b",") + data.count(b"[") + data.count(b"{") > MOST_VALUES:
        raise Refused("There are too many values", f"At most {MOST_VALUES} can be sent", status=400)
    return data


def _skip_space(text: str) -> int:
    return len(text) - len(text.lstrip(" \t\r\n"))


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(MOST_DEPTH):
        level = [inner for outer in level for inner in _inside(outer) if isinstance(inner, dict | list)]
        if not level:
            return
    raise ValueError("nested too deeply")


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number is not finite")
    return number


def _integer(text: str) -> int | float:
    return int(text) if len(text) <= LONGEST_INTEGER else _finite(text)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_decoder = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_finite, parse_int=_integer)
