"""Unsigned varints and length-prefixed messages, as every libp2p protocol frames them."""

from __future__ import annotations

MOST_VARINT_BYTES = 5  # 2^35, far beyond any length that is accepted
MORE = 0x80  # another byte follows


class WireError(Exception):
    """Bytes from the other side that break a protocol's rules."""


def encode_varint(number: int) -> bytes:
    """`number` (≥ 0) as an unsigned LEB128 varint."""
    out = bytearray()
    while number >= MORE:
        out.append(number & 0x7F | MORE)
        number >>= 7
    out.append(number)
    return bytes(out)


def prefixed(message: bytes) -> bytes:
    """`message` with its length before it."""
    return encode_varint(len(message)) + message


def cut_prefixed(buffer: bytearray, most: int) -> bytes | None:
    """Remove and return the first length-prefixed message of `buffer`; `None` if it is not complete yet.

    Raises `WireError` for a length above `most` bytes or a varint that does not end.
    """
    number = shift = 0
    for index, byte in enumerate(buffer):
        number |= (byte & 0x7F) << shift
        if byte < MORE:
            if number > most:
                raise WireError(f"message of {number} bytes, at most {most} are accepted")
            end = index + 1 + number
            if len(buffer) < end:
                return None
            message = bytes(buffer[index + 1 : end])
            del buffer[:end]
            return message
        shift += 7
        if index + 1 >= MOST_VARINT_BYTES:
            raise WireError("length does not end")
    return None
