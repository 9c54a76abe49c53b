"""What goop2 tells a person when something did not work: what happened, why, and what to do next.

Three kinds of exception exist. A `Goop2Error` is meant for a person and shown as it is, in the window, in the console
and on the command line. `asyncio.CancelledError` is silent. Everything else is a bug and is logged with its traceback.
"""

from __future__ import annotations

from dataclasses import dataclass


class Goop2Error(Exception):
    """An error in a person's words.

    `title` says what happened in a few words, `message` says why, `hint` says what to do (it may be empty).
    """

    def __init__(self, title: str, message: str = "", hint: str = "") -> None:
        super().__init__(title, message, hint)
        self.title = title
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return " ".join(
            part for part in (f"{self.title}:" if self.message else self.title, self.message, self.hint) if part
        )


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a setting: the key's path (`presence.ttl_seconds`), what is wrong, what would be right."""

    key: str
    message: str
    suggestion: str = ""


class ConfigError(Goop2Error):
    """A configuration that cannot be used. `problems` lists everything wrong with it at once.

    `remedy` is what a button may offer: that the owner corrects the file.
    """

    remedy = "edit-config"

    def __init__(self, title: str, problems: list[Problem], hint: str = "") -> None:
        lines = [f"{p.key}: {p.message}" + (f" ({p.suggestion})" if p.suggestion else "") for p in problems]
        super().__init__(title, "; ".join(lines), hint)
        self.problems = problems


class NetworkError(Goop2Error):
    """Another peer could not be spoken to. The children say at which step."""


class Unreachable(NetworkError):
    """No connection to the peer could be made, or it broke before anything was said."""


class Unsupported(NetworkError):
    """The peer is there, but does not speak the protocol that was asked for."""


class StreamBroken(NetworkError):
    """A stream was reset, timed out, or ended in the middle of something."""


class Refused(Goop2Error):
    """The other side, or a rule of this side, said no: not found, not allowed, too large, too many.

    `status` is the HTTP status that says the same (403, 404, 413, 429 …).
    """

    def __init__(self, title: str, message: str = "", hint: str = "", *, status: int = 403) -> None:
        super().__init__(title, message, hint)
        self.status = status
