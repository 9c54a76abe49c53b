"""Making valid captures invalid: bytes that are flipped, cut, doubled, spliced; lengths that lie; documents gone wrong.

Everything is drawn from one `random.Random`, so that a seed gives the same inputs again.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from typing import Any

MOST_BYTES = 256 << 10
NUMBERS = (
    0,
    1,
    -1,
    127,
    128,
    255,
    256,
    32767,
    65535,
    65536,
    2**31 - 1,
    2**31,
    2**32,
    2**63 - 1,
    2**63,
    2**64,
    -(2**63),
)
TOKENS = (
    b"\x00",
    b"\xff\xfe\xfd",
    b"\xed\xa0\x80",  # a surrogate in UTF-8
    b"\xf4\x90\x80\x80",  # beyond Unicode
    b"\xc0\xaf",  # an overlong slash
    b"\r\n",
    b"\r\n\r\n",
    b"\n",
    b"../",
    b"..\\",
    b"%2e%2e%2f",
    b"%00",
    b"%ff",
    b"NaN",
    b"Infinity",
    b"1e999",
    b"9" * 400,
    b"-0",
    b"{" * 300,
    b"[" * 3000,
    b'{"a":' * 300,
    b'"\\ud800"',
    b"\\u0000",
    b"\xe2\x80\xae",  # right-to-left override
    b"%s%n",
    b"' OR 1=1 --",
    b"A" * 5000,
    b"0x10",
    "١٢٣".encode(),  # digits that are not ASCII
    b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01",
    b"\xff\xff\xff\xff\x0f",
    b"\x7f\xff\xff\xff",
    b"/multistream/1.0.0\n",
    b"ENC:",
    b"GET /",
    b"::ffff:127.0.0.1",
    b"127.0.0.1",
    b"Transfer-Encoding: chunked\r\n",
    b"Content-Length: -1\r\n",
)
VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    "",
    "\x00",
    "\ud800",
    "a" * 5000,
    "\u202egnp.exe",
    [],
    {},
    [[[[]]]],
    {"": {"": {}}},
    1.5,
    -0.0,
    1e308,
    float("nan"),
    float("inf"),
    10**40,
    *NUMBERS,
    ["x"] * 2000,
    {"enc": "AAAA"},
    {"__proto__": 1, "$ref": "#"},
)


def bits(dice: random.Random, data: bytearray, _others: Sequence[bytes]) -> None:
    """A few bits are flipped."""
    for _ in range(dice.choice((1, 1, 2, 8))):
        if data:
            data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)


def some_bytes(dice: random.Random, data: bytearray, _others: Sequence[bytes]) -> None:
    """A few bytes become others."""
    for _ in range(dice.choice((1, 2, 4))):
        if data:
            data[dice.randrange(len(data))] = dice.choice((0, 0x0A, 0x7F, 0x80, 0xFF, dice.randrange(256)))


def cut(dice: random.Random, data: bytearray, _others: Sequence[bytes]) -> None:
    """The end is missing."""
    del data[dice.randrange(len(data) + 1) :]


def hole(dice: random.Random, data: bytearray, _others: Sequence[bytes]) -> None:
    """A part is missing."""
    at = dice.randrange(len(data) + 1)
    del data[at : at + dice.randrange(1, 64)]


def insert(dice: random.Random, data: bytearray, _others: Sequence[bytes]) -> None:
    """Random bytes come in between."""
    at = dice.randrange(len(data) + 1)
    data[at:at] = dice.randbytes(dice.choice((1, 2, 8, 100)))


def token(dice: random.Random, data: bytearray, _others: Sequence[bytes]) -> None:
    """Something that parsers are known to stumble over comes in between, or over what was there."""
    at = dice.randrange(len(data) + 1)
    word = dice.choice(TOKENS)
    data[at : at + dice.choice((0, len(word)))] = word


def double(dice: random.Random, data: bytearray, _others: Sequence[bytes]) -> None:
    """A part comes several times."""
    at = dice.randrange(len(data) + 1)
    part = bytes(data[at : at + dice.randrange(1, 200)])
    times = dice.choice((1, 1, 2, 10, 300))
    data[at:at] = part * times


def splice(dice: random.Random, data: bytearray, others: Sequence[bytes]) -> None:
    """The end is that of another capture."""
    other = dice.choice(others)
    data[dice.randrange(len(data) + 1) :] = other[dice.randrange(len(other) + 1) :]


def swap(dice: random.Random, data: bytearray, _others: Sequence[bytes]) -> None:
    """Lines, or halves, change places."""
    lines = bytes(data).split(b"\n")
    if len(lines) > 2:
        dice.shuffle(lines)
        data[:] = b"\n".join(lines)
    else:
        at = dice.randrange(len(data) + 1)
        data[:] = data[at:] + data[:at]


def length(dice: random.Random, data: bytearray, _others: Sequence[bytes]) -> None:
    """Somewhere stands a large number, as a length in one of the usual forms."""
    at = dice.randrange(len(data) + 1)
    number = dice.choice(NUMBERS) % 2**32
    word = dice.choice(
        (number.to_bytes(4, "big"), number.to_bytes(4, "little"), (number % 65536).to_bytes(2, "big"), varint(number))
    )
    data[at : at + len(word)] = word


MUTATIONS: tuple[Callable[[random.Random, bytearray, Sequence[bytes]], None], ...] = (
    bits,
    bits,
    some_bytes,
    cut,
    hole,
    insert,
    token,
    token,
    double,
    splice,
    swap,
    length,
)


def varint(number: int) -> bytes:
    """`number` as an unsigned varint, however large."""
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def mutated(dice: random.Random, captures: Sequence[bytes]) -> bytes:
    """One of `captures` with one to four things wrong in it; now and then nothing but random bytes."""
    if dice.random() < 0.02:
        return dice.randbytes(dice.choice((0, 1, 3, 60, 900)))
    data = bytearray(dice.choice(captures))
    for _ in range(dice.choice((1, 1, 1, 2, 3, 4))):
        dice.choice(MUTATIONS)(dice, data, captures)
        if len(data) > MOST_BYTES:
            del data[MOST_BYTES:]
    return bytes(data)


def document(dice: random.Random, value: Any) -> Any:
    """A copy of a JSON value with one to three things wrong in its structure."""
    value = json.loads(json.dumps(value))
    for _ in range(dice.choice((1, 1, 2, 3))):
        value = _spoil(dice, value)
    return value


def json_text(dice: random.Random, documents: Sequence[Any]) -> bytes:
    """The text of one of `documents`, gone wrong in its structure, sometimes as text too, or as text alone."""
    value = dice.choice(documents)
    if dice.random() < 0.35:
        return mutated(dice, [_dumped(value)])
    text = _dumped(document(dice, value))
    return mutated(dice, [text]) if dice.random() < 0.15 else text


def _dumped(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


def _spoil(dice: random.Random, value: Any) -> Any:
    """Walk to a random place and change what is there."""
    if dice.random() < 0.1:
        return _anything(dice)
    inside = value
    while isinstance(inside, dict | list) and inside:
        key = dice.choice(list(inside) if isinstance(inside, dict) else range(len(inside)))
        if isinstance(inside[key], dict | list) and inside[key] and dice.random() < 0.6:
            inside = inside[key]
            continue
        match dice.randrange(6):
            case 0:
                del inside[key]
            case 1 if isinstance(inside, dict):
                inside[dice.choice((str(key).upper(), f"{key} ", "", "\ud800", "x" * 500))] = inside.pop(key)
            case 2:
                inside[key] = [inside[key]] * dice.choice((1, 30))
            case 3:
                inside[key] = _nested(inside[key], dice.choice((1, 70, 200)))
            case _:
                inside[key] = _anything(dice)
        break
    return value


def _anything(dice: random.Random) -> Any:
    value = dice.choice(VALUES)
    if dice.random() < 0.2:
        return dice.choice(("", "x")) + mutated(dice, TOKENS).decode("utf-8", "surrogateescape")
    return json.loads(json.dumps(value)) if isinstance(value, dict | list) else value


def _nested(value: Any, levels: int) -> Any:
    for level in range(levels):
        value = [value] if level % 2 else {"x": value}
    return value


def protobuf(dice: random.Random, message: bytes) -> bytes:
    """A protobuf message whose fields are doubled, dropped, retyped, or lie about their length."""
    fields = _fields(message)
    if not fields:
        return mutated(dice, [message or b"\x0a\x00"])
    for _ in range(dice.choice((1, 1, 2))):
        at = dice.randrange(len(fields))
        number, kind, raw = fields[at]
        match dice.randrange(8):
            case 0:
                del fields[at]
                if not fields:
                    return b""
            case 1:
                fields[at:at] = [fields[at]] * dice.choice((1, 5, 700 if len(raw) < 300 else 2))
            case 2:
                fields[at] = (number, dice.randrange(8), raw)
            case 3:
                fields[at] = (dice.choice((0, 1, 2, 9, 2**29 - 1)), kind, raw)
            case 4 if kind == 2:
                fields[at] = (number, 2, protobuf(dice, raw))
            case 5 if kind == 2:
                fields[at] = (number, 2, mutated(dice, [raw or b"x"]))
            case 6:
                fields[at] = (number, 0, varint(dice.choice(NUMBERS) % 2**64))
            case _:
                fields[at] = (number, 2, dice.choice(TOKENS))
    out = b"".join(_field(*field) for field in fields)[:MOST_BYTES]
    return mutated(dice, [out or b"\x00"]) if dice.random() < 0.2 else out


def _field(number: int, kind: int, raw: bytes) -> bytes:
    head = varint(number << 3 | kind)
    return head + varint(len(raw)) + raw if kind == 2 else head + raw


def _fields(message: bytes) -> list[tuple[int, int, bytes]]:
    """Number, wire type and raw value of each field, as far as the message parses."""
    found = []
    at = 0
    while at < len(message):
        tag, at = _varint_at(message, at)
        match tag & 7:
            case 0:
                _, end = _varint_at(message, at)
            case 1:
                end = at + 8
            case 2:
                size, at = _varint_at(message, at)
                end = at + size
            case 5:
                end = at + 4
            case _:
                break
        found.append((tag >> 3, tag & 7, message[at:end]))
        at = end
    return found


def _varint_at(data: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while at < len(data) and shift < 70:
        byte = data[at]
        number |= (byte & 0x7F) << shift
        at += 1
        shift += 7
        if byte < 0x80:
            break
    return number, at
