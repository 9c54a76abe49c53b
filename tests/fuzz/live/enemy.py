"""A connection whose every frame the attacker decides: proven by Noise, and lawless from there on."""

from __future__ import annotations

from collections.abc import Callable

import trio

from goop2_core.p2p import patches
from goop2_core.p2p._connection import secure
from goop2_core.p2p._multistream import HEADER as MULTISTREAM
from goop2_core.p2p._multistream import line
from goop2_core.p2p._noise import Channel, Keys
from goop2_core.p2p._transport import Tcp
from goop2_core.p2p._wire import WireError, cut_prefixed
from goop2_core.p2p._yamux import ACK, DATA, FIN, HEADER, PING, RST, SYN, WINDOW
from tests.fuzz.targets.wire import frame

ANSWER_SECONDS = 2.0
PIECE = 60_000

Answer = Callable[[str], bytes | None]


class Gone(Exception):
    """The victim ended the connection."""


class Enemy:
    """One connection to the victim. `answer(protocol)` gives what the victim gets to hear on streams that it opens."""

    def __init__(self, channel: Channel, answer: Answer) -> None:
        self.gone = trio.Event()
        self.answered = 0
        self._channel = channel
        self._answer = answer
        self._next = 1
        self._ended: dict[int, trio.Event] = {}
        self._theirs: dict[int, bytearray] = {}
        self._pongs: dict[int, trio.Event] = {}
        self._pings = 0
        self._received = bytearray()
        self._sending = trio.Lock()

    @classmethod
    async def connect(cls, port: int, peer_id: str, seed: bytes, source: str, answer: Answer = lambda _: None) -> Enemy:
        """A new connection from the loopback address `source`. Raises `Gone` if the victim does not take it."""
        library = patches.load()
        try:
            raw = Tcp(await trio.open_tcp_stream("127.0.0.1", port, local_address=source))
        except OSError as error:
            raise Gone(str(error)) from error
        try:
            with trio.fail_after(10):
                channel = await secure(library, raw, keys_of(seed), initiator=True, expected=peer_id)
        except (OSError, WireError, trio.TooSlowError) as error:
            await raw.close()
            raise Gone(str(error)) from error
        return cls(channel, answer)

    async def read(self) -> None:
        """Take what comes, until the end; runs beside the attack."""
        try:
            while messages := await self._channel.receive():
                for message in messages:
                    self._received += message
                await self._parse()
        except (OSError, WireError, Gone):
            pass
        finally:
            self.gone.set()
            for event in (*self._ended.values(), *self._pongs.values()):
                event.set()

    async def send(self, data: bytes) -> None:
        """Send bytes as they are. Raises `Gone`."""
        if self.gone.is_set():
            raise Gone
        try:
            with trio.fail_after(10):
                async with self._sending:  # fair: streams begin in the order of their numbers
                    await self._channel.send([data[at : at + PIECE] for at in range(0, len(data), PIECE)])
        except (OSError, trio.TooSlowError, trio.ClosedResourceError) as error:
            raise Gone from error

    async def stream(self, data: bytes, end: int, seconds: float) -> bool:
        """Open a stream with `data`, end it by FIN, RST or not at all, and wait for the victim to end it too.

        Says whether the victim did so within `seconds`; if not, the stream is reset. Raises `Gone`.
        """
        number, self._next = self._next, self._next + 2
        event = self._ended[number] = trio.Event()
        try:
            await self.send(frame(DATA, SYN | (end & FIN), number, len(data), data))
            if end == RST:
                await self.send(frame(WINDOW, RST, number, 0))
                return True
            with trio.move_on_after(seconds):
                await event.wait()
                return not self.gone.is_set()
            await self.send(frame(WINDOW, RST, number, 0))
            return False
        finally:
            del self._ended[number]

    async def alive(self, seconds: float) -> bool:
        """Whether the victim still understands this connection: it answers a ping in time."""
        self._pings += 1
        number = 0x60000000 + self._pings
        event = self._pongs[number] = trio.Event()
        try:
            await self.send(frame(PING, SYN, 0, number))
            with trio.move_on_after(seconds):
                await event.wait()
                return not self.gone.is_set()
        except Gone:
            return False
        finally:
            del self._pongs[number]
        return False

    async def close(self) -> None:
        """Hang up without a word."""
        self.gone.set()
        await self._channel.raw.close()

    # ---- what the victim sends

    async def _parse(self) -> None:
        data = self._received
        while len(data) >= HEADER.size:
            _version, kind, flags, number, length = HEADER.unpack_from(data)
            size = HEADER.size + (length if kind == DATA else 0)
            if len(data) < size:
                return
            body = bytes(data[HEADER.size : size])
            del data[:size]
            await self._frame(kind, flags, number, length, body)

    async def _frame(self, kind: int, flags: int, number: int, value: int, body: bytes) -> None:
        if kind == PING:
            if flags & SYN:
                await self.send(frame(PING, ACK, 0, value))
            elif value in self._pongs:
                self._pongs[value].set()
        elif number % 2 and flags & (FIN | RST):
            if number in self._ended:
                self._ended[number].set()
        elif number and number % 2 == 0 and kind in (DATA, WINDOW):
            await self._asked(number, flags, body)

    async def _asked(self, number: int, flags: int, body: bytes) -> None:
        """The victim opened a stream: once it has said for what, it gets an answer."""
        if flags & SYN:
            self._theirs[number] = bytearray()
        if flags & (FIN | RST):
            self._theirs.pop(number, None)
        buffer = self._theirs.get(number)
        if buffer is None:
            return
        buffer += body
        names = _proposed(buffer)
        if len(names) < 2:
            return
        del self._theirs[number]
        said = self._answer(names[1])
        if said is None:
            return
        self.answered += 1
        data = line(MULTISTREAM) + line(names[1].encode()) + said
        await self.send(frame(DATA, FIN if said else 0, number, len(data), data))


_keys: dict[bytes, Keys] = {}


def keys_of(seed: bytes) -> Keys:
    """Keys are made once for each seed: the handshake is dear enough."""
    if seed not in _keys:
        if len(_keys) > 200:
            _keys.clear()
        _keys[seed] = Keys.of(patches.load(), seed)
    return _keys[seed]


def _proposed(buffer: bytearray) -> list[str]:
    copy = bytearray(buffer)
    names: list[str] = []
    while len(names) < 2 and (message := cut_prefixed(copy, 1024)) is not None:
        names.append(message.decode().strip())
    return names


class Pace:
    """So many turns a second, for all who ask: the victim takes no more connections from one address."""

    def __init__(self, per_second: float) -> None:
        self._gap = 1 / per_second
        self._at = 0.0

    async def turn(self) -> None:
        """Wait for the next one."""
        now = trio.current_time()
        self._at = max(self._at + self._gap, now)
        await trio.sleep(self._at - now)
