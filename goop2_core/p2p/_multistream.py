"""multistream-select 1.0.0 without input and output: both sides as small machines that are fed bytes.

The initiator always sends header and proposal in one segment, and may send its payload right behind them when it knows
that the other side speaks the protocol. The responder copes with any such pipelining.
https://github.com/multiformats/multistream-select
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ._wire import WireError, cut_prefixed, prefixed

HEADER = b"/multistream/1.0.0"
REFUSED = b"na"
LIST = b"ls"
MOST_LINE = 1024
MOST_PROPOSALS = 16


def line(text: bytes) -> bytes:
    """One message: length, text, newline."""
    return prefixed(text + b"\n")


def proposal(protocol: str) -> bytes:
    """What an initiator sends first: the header and one protocol."""
    return line(HEADER) + line(protocol.encode())


class _Lines:
    def __init__(self) -> None:
        self.buffer = bytearray()

    def next(self) -> bytes | None:
        message = cut_prefixed(self.buffer, MOST_LINE)
        if message is None:
            return None
        if not message.endswith(b"\n"):
            raise WireError("a negotiation line without its newline")
        return message[:-1]

    def rest(self) -> bytes:
        rest = bytes(self.buffer)
        self.buffer.clear()
        return rest


class Initiator:
    """Reads the answers to `proposal`s. `accepted` is `None` until it is known."""

    def __init__(self, protocol: str) -> None:
        self.protocol = protocol
        self.accepted: bool | None = None
        self._lines = _Lines()
        self._greeted = False

    def feed(self, data: bytes | memoryview) -> bytes:
        """Take received bytes; returns the payload behind the last answer. Raises `WireError`."""
        self._lines.buffer += data
        while self.accepted is None and (text := self._lines.next()) is not None:
            if text == HEADER and not self._greeted:
                self._greeted = True
            elif self._greeted and text == self.protocol.encode():
                self.accepted = True
            elif self._greeted and text == REFUSED:
                self.accepted = False
            else:
                raise WireError("an answer that is no answer to the proposal")
        return self._lines.rest() if self.accepted is not None else b""

    def propose(self, protocol: str) -> bytes:
        """After a refusal: the bytes that propose another protocol."""
        self.protocol, self.accepted = protocol, None
        return line(protocol.encode())


class Responder:
    """Answers proposals. `protocol` is set once one is accepted."""

    def __init__(self, accepts: Callable[[str], bool], offers: Callable[[], Iterable[str]]) -> None:
        self.protocol: str | None = None
        self._accepts = accepts
        self._offers = offers
        self._lines = _Lines()
        self._greeted = False
        self._proposals = 0

    def feed(self, data: bytes | memoryview) -> tuple[bytes, bytes]:
        """Take received bytes; returns what to answer, and the payload behind an accepted proposal.

        Raises `WireError` for anything but well-formed negotiation, and for too many proposals.
        """
        self._lines.buffer += data
        answer = b""
        while self.protocol is None and (text := self._lines.next()) is not None:
            answer += self._answer(text)
        return answer, self._lines.rest() if self.protocol is not None else b""

    def _answer(self, text: bytes) -> bytes:
        if not self._greeted:
            if text != HEADER:
                raise WireError("not multistream-select")
            self._greeted = True
            return line(HEADER)
        self._proposals += 1
        if self._proposals > MOST_PROPOSALS:
            raise WireError("too many proposals")
        if text == LIST:
            return prefixed(b"".join(line(name.encode()) for name in self._offers()) + b"\n")
        try:
            name = text.decode()
        except UnicodeDecodeError as error:
            raise WireError("a protocol name that is no text") from error
        if not self._accepts(name):
            return line(REFUSED)
        self.protocol = name
        return line(text)
