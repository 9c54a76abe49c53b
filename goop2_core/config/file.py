"""The file `goop.json` of one peer: loaded, changed, and written so that nothing in it is ever lost."""

from __future__ import annotations

import json
import logging
import os
import stat
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from goop2_core.atomic import write_atomically
from goop2_core.config.reading import LARGEST_FILE, Reading, check_document, read_document, spellings
from goop2_core.config.schema import KEYS, Config, marks
from goop2_core.errors import ConfigError, Problem
from goop2_core.events import SettingsChanged
from goop2_core.identity import new_nacl_pair

log = logging.getLogger("goop2.config")


class ConfigFile:
    """A peer's `goop.json`.

    A file that cannot be used is reported, and never overwritten nor reset. Keys that this version does not know stay
    where they are. Methods may be called from any thread; they read and write the disk, so not on a loop.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._config: Config | None = None
        self._started: Config | None = None
        self._warnings: tuple[Problem, ...] = ()

    @classmethod
    def create(cls, path: Path, values: Mapping[str, Any] | None = None) -> ConfigFile:
        """Make a new file with these values (`{"profile.label": "Alice"}`) and a new encryption key pair; load it.

        Everything else is left to the defaults. Raises `ConfigError` for unusable values, or if there is a file.
        """
        public_key, private_key = new_nacl_pair()
        document: dict[str, Any] = {}
        for key, value in {
            "p2p.nacl_public_key": public_key,
            "p2p.nacl_private_key": private_key,
            **(values or {}),
        }.items():
            _put(document, key, value)
        reading = check_document(document)
        if reading.problems or reading.warnings:
            raise ConfigError("The configuration cannot be used", [*reading.problems, *reading.warnings])
        try:
            write_atomically(path, _dump(document), replace=False)
        except OSError as error:
            raise _unusable("cannot be made", path, error) from error
        file = cls(path)
        file.load()
        return file

    def load(self) -> Config:
        """Read the file; its state then is what `restart_needed` compares with. Keeps it from others' eyes (0600).

        Raises `ConfigError` with everything that is wrong.
        """
        with self._lock:
            reading = self._read()
            assert reading.config is not None
            self._config = self._started = reading.config
            self._warnings = reading.warnings
            self._protect()
            return reading.config

    @property
    def config(self) -> Config:
        """The current configuration; `load()` comes first."""
        assert self._config is not None, "load() first"
        return self._config

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What in the file works, but perhaps not as meant: unknown keys, values read as others."""
        return self._warnings

    @property
    def restart_needed(self) -> tuple[str, ...]:
        """Keys whose values have changed since `load()`, but take effect only at the next start."""
        if self._config is None or self._started is None:
            return ()
        return tuple(key for key in _changed(self._started, self._config) if _waits(key))

    def update(self, changes: Mapping[str, Any]) -> SettingsChanged:
        """Set keys (`None`: back to the default) on top of what the file says now, and write it.

        The answer names every key whose value is another than before, also those that somebody changed in the file.
        Raises `ConfigError` and changes nothing if a value, or the file as it is now, cannot be used.
        """
        with self._lock:
            return self._update(changes)

    def ensure_nacl_pair(self) -> bool:
        """Make and store an encryption key pair if a half of it is missing; whether that was so (spec/network 1.3)."""
        with self._lock:
            p2p = self.config.p2p
            if p2p.nacl_public_key and p2p.nacl_private_key:
                return False
            public_key, private_key = new_nacl_pair()
            self._update({"p2p.nacl_public_key": public_key, "p2p.nacl_private_key": private_key})
            self._started = self._config
            log.info("made a new encryption key pair")
            return True

    def _update(self, changes: Mapping[str, Any]) -> SettingsChanged:
        before = self.config
        unknown = [Problem(str(key)[:64], "is unknown") for key in changes if key not in KEYS]
        document = self._read().document
        for key, value in changes.items():
            if key in KEYS:
                _put(document, key, value)
        reading = check_document(document)
        # what is only doubtful in a file is refused from somebody who is there to correct it
        doubtful = [problem for problem in reading.warnings if problem.key in changes]
        if problems := [*unknown, *reading.problems, *doubtful]:
            raise ConfigError("These settings cannot be used", problems, "Nothing was changed.")
        assert reading.config is not None
        try:
            write_atomically(self.path, _dump(document))
        except OSError as error:
            raise _unusable("cannot be written", self.path, error) from error
        self._config, self._warnings = reading.config, reading.warnings
        changed = tuple(_changed(before, reading.config))
        return SettingsChanged(changed, tuple(key for key in changed if _waits(key)))

    def _read(self) -> Reading:
        """What the file says now. Raises `ConfigError` if that cannot be used."""
        try:
            with os.fdopen(os.open(self.path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:  # a pipe must not block
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    raise ConfigError("The configuration cannot be read", [Problem(str(self.path), "is not a file")])
                data = file.read(LARGEST_FILE + 1)
        except OSError as error:
            raise _unusable("cannot be read", self.path, error) from error
        reading = read_document(data)
        if reading.problems:
            raise ConfigError(
                "The configuration cannot be used", list(reading.problems), f"Correct {self.path}; it was not changed."
            )
        return reading

    def _protect(self) -> None:
        """Take away what REF gives to others: the file holds private keys."""
        status = self.path.stat()
        if status.st_mode & 0o077 and status.st_uid == os.geteuid():
            self.path.chmod(0o600)
            log.info("%s could be read by others on this computer; only you can now", self.path)


def _changed(before: Config, after: Config) -> list[str]:
    return [key for key in KEYS if before.value(key) != after.value(key)]


def _waits(key: str) -> bool:
    marked = marks(key)
    return bool(marked["used"]) and not marked["live"]


def _put(document: dict[str, Any], key: str, value: Any) -> None:
    """Set a key under every spelling it already has, so that each program reads the new value; `None` removes it."""
    section_name, _, name = key.partition(".")
    at = spellings(document, section_name)
    if not at or not isinstance(document[at[0]], dict):
        document[section_name] = {}
        at = [section_name]
    section = document[at[0]]
    names = spellings(section, name)
    if value is None:
        for spelling in names:
            del section[spelling]
        return
    for spelling in names or [name]:
        section[spelling] = list(value) if isinstance(value, tuple) else value


def _dump(document: dict[str, Any]) -> bytes:
    """As REF writes it: two spaces, no newline at the end."""
    try:
        return json.dumps(document, indent=2, ensure_ascii=False).encode()
    except UnicodeEncodeError:  # half a surrogate pair in an unknown key: legal JSON, but not UTF-8
        return json.dumps(document, indent=2).encode()


def _unusable(what: str, path: Path, error: OSError) -> ConfigError:
    reason = "is not there" if isinstance(error, FileNotFoundError) else (error.strerror or str(error))
    return ConfigError(f"The configuration {what}", [Problem(str(path), reason)])
