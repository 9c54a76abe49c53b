"""The directory of one peer: what lies where (spec/network 1.4), who uses it, and making and deleting it."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import sqlite3
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs

from goop2_core.config import Config, ConfigFile, read_document
from goop2_core.config.schema import LABEL_LENGTH
from goop2_core.dirlock import DirectoryLock
from goop2_core.errors import Goop2Error
from goop2_core.identity import load_or_create
from goop2_core.sitefolder import check_folder, copy_folder, write_first_page

CONFIG_NAME = "goop.json"
_LONGEST_NAME = 48
_MOST_COUNTED = 100_000
_MOST_SAME_NAME = 1000
_MOST_NAMED = 10
_OURS = frozenset(
    {
        *(CONFIG_NAME, "avatar.png", ".goop2.lock", "listen-queue.json", "split-prefs.json"),
        *("data.db", "data.db-wal", "data.db-shm", "data.db-journal"),
        *("data", "site", "cache", "schemas", "transformations", "templates", "shared"),
    }
)
_LEFT_BY_FILE_MANAGERS = frozenset((".directory", ".DS_Store", "Thumbs.db", "desktop.ini"))
_TEMPORARY = re.compile(r"\..+\.[0-9a-f]{12}\.tmp", re.DOTALL)


@dataclass(frozen=True, slots=True)
class DeletionFacts:
    """What deleting a peer would lose. `site_outside`: the site folder lies elsewhere and would stay."""

    messages: int
    site_files: int
    site_bytes: int
    people: int
    site_outside: bool


@dataclass(frozen=True, slots=True)
class PeerDir:
    """A peer's directory. Nothing is read or checked until something asks for it."""

    path: Path

    @property
    def config_file(self) -> Path:
        """`goop.json`."""
        return self.path / CONFIG_NAME

    @property
    def identity_key(self) -> Path:
        """The key file that the configuration names; reads it, so not for a loop."""
        return self.path / self._config().identity.key_file

    @property
    def site(self) -> Path:
        """The site folder that the configuration names; reads it, so not for a loop."""
        return self.path / self._config().paths.site_root

    @property
    def database(self) -> Path:
        """The SQLite database, in the directory itself."""
        return self.path / "data.db"

    @property
    def avatar(self) -> Path:
        """The own picture."""
        return self.path / "avatar.png"

    @property
    def data(self) -> Path:
        """Keys, and what goop2 remembers between starts."""
        return self.path / "data"

    @property
    def cache(self) -> Path:
        """What can be fetched again."""
        return self.path / "cache"

    @property
    def ports_file(self) -> Path:
        """The ports that were chosen once."""
        return self.data / "ports.json"

    @property
    def lock_file(self) -> Path:
        """Locked while the peer runs."""
        return self.path / ".goop2.lock"

    @classmethod
    def create(
        cls, base: Path, name: str, *, label: str = "", site_folder: Path | None = None, copy: bool = False
    ) -> PeerDir:
        """Make a peer below `base`, complete or not at all, and return its directory, named after `name`.

        `label` (else `name`) is its display name. Its site is a first page, or a copy of `site_folder`, or, without
        `copy`, that folder itself. Raises `Goop2Error` (a `ConfigError` if the label cannot be used).
        """
        label = " ".join((label or name).split())
        if not name.strip():
            raise Goop2Error("The peer needs a name", "", "Type one: it is what you see in the list.")
        folder = check_folder(site_folder) if site_folder is not None else None
        values: dict[str, Any] = {"profile.label": label, "viewer.theme": "auto"}
        if folder is not None and not copy:
            values["paths.site_root"] = str(folder)
        unfinished = base / f".{slug(name)}.{secrets.token_hex(6)}.new"
        try:
            base.mkdir(mode=0o700, parents=True, exist_ok=True)
            unfinished.mkdir(mode=0o700)
            peer = cls(unfinished)
            ConfigFile.create(peer.config_file, values)
            load_or_create(peer.identity_key)
            if folder is None:
                write_first_page(unfinished / "site", label)
            elif copy:
                copy_folder(folder, unfinished / "site")
            return cls(_settle(unfinished, base / slug(name)))
        except OSError as error:
            place = error.filename or base
            raise Goop2Error(
                "The peer cannot be made", f"{place}: {error.strerror}.", "Nothing was changed."
            ) from error
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)

    @classmethod
    def ensure(cls, path: Path) -> PeerDir:
        """The peer in `path`. A directory without `goop.json` becomes a peer, with a first page if it has no site.

        Raises `Goop2Error` if that is not possible. What is there already is never changed.
        """
        peer = cls(path.expanduser().absolute())
        try:
            peer.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not os.path.lexists(peer.config_file):
                label = peer.path.name or "hello"
                ConfigFile.create(peer.config_file, {"profile.label": label[:LABEL_LENGTH], "viewer.theme": "auto"})
                if not os.path.lexists(peer.path / "site"):
                    write_first_page(peer.path / "site", label)
        except OSError as error:
            place = error.filename or peer.path
            raise Goop2Error("The peer cannot be made", f"{place}: {error.strerror}.") from error
        return peer

    def check_is_peer(self) -> None:
        """Raise `Goop2Error` unless there is a directory with a `goop.json`, whatever that holds."""
        if not self.path.is_dir():
            raise Goop2Error("This is not a peer", f"{self.path} is not a folder.")
        if not os.path.lexists(self.config_file):
            raise Goop2Error(
                "This is not a peer", f"{self.path} holds no {CONFIG_NAME}.", "Choose a peer's own folder."
            )

    def lock(self, holder: str) -> DirectoryLock:
        """Claim the directory for this process until the lock is released; `holder` tells others who it is.

        Raises `Goop2Error` that says who has it now.
        """
        return DirectoryLock(self.lock_file, self.path.name, holder)

    def check_site(self) -> None:
        """Raise `Goop2Error` if visitors of the site could read the peer's own key, settings or messages."""
        site = Path(os.path.realpath(self.site))
        for file in (self.config_file, self.identity_key, self.database):
            place = Path(os.path.realpath(file))
            if place.is_relative_to(site) and not any(part.startswith(".") for part in place.relative_to(site).parts):
                raise Goop2Error(
                    "The site folder cannot be published",
                    f"{site} holds {file.name} of this very peer: every visitor could read it.",
                    f"Set paths.site_root in {self.config_file} to a folder of its own.",
                )

    def ensure_site(self, name: str) -> None:
        """Make a missing site folder, with a first page, if it belongs inside this directory. Raises `OSError`."""
        site = self.site
        if _inside(site, self.path) and not os.path.lexists(site):
            write_first_page(site, name)

    def deletion_facts(self) -> DeletionFacts:
        """Count what `delete` would lose. What cannot be counted is 0.

        Raises `Goop2Error` if it would be refused because the folder holds other things too.
        """
        self._check_nothing_else()
        site = self.site
        outside = not _inside(site, self.path)
        files, size = (0, 0) if outside else _count(site)
        messages, people = _count_rows(self.database)
        return DeletionFacts(messages, files, size, people, outside)

    def delete(self) -> None:
        """Delete the directory with everything in it; a site folder elsewhere stays.

        Raises `Goop2Error` if it is in use, is no peer, holds what is no part of a peer, or cannot be deleted.
        """
        self.check_is_peer()
        if self.path.is_symlink():
            raise Goop2Error(
                "The peer cannot be deleted", f"{self.path} is a link to another folder.", "Delete it by hand."
            )
        if Path(os.path.realpath(Path.home())).is_relative_to(os.path.realpath(self.path)):
            raise Goop2Error(
                "The peer cannot be deleted",
                f"{self.path} holds your home folder, and so much else.",
                f"Take it out of the list, and delete {CONFIG_NAME} and data by hand.",
            )
        with self.lock("goop2, deleting it"):
            self._check_nothing_else()
            doomed = self.path.with_name(f".{self.path.name}.{secrets.token_hex(6)}.deleted")
            try:
                self.path.rename(doomed)  # so that a deletion cut short leaves no peer with half of its files
            except OSError:  # a mount point, or in a folder that is not ours
                doomed = self.path
            try:
                shutil.rmtree(doomed)
            except OSError as error:
                reason = f"{error.filename or doomed}: {error.strerror}."
                raise Goop2Error("The peer was not deleted completely", reason, f"Delete {doomed} by hand.") from error

    def _check_nothing_else(self) -> None:
        """Any folder with a `goop.json` can be added as a peer: what else lies in it is not ours to delete."""
        config = self._config()
        presence = config.presence
        named = (config.identity.key_file, config.paths.site_root, presence.peer_db_path, presence.relay_key_file)
        own = {self.path / place for place in named}
        tops = {place.relative_to(self.path).parts[:1] for place in own if place.is_relative_to(self.path)}
        known = _OURS | _LEFT_BY_FILE_MANAGERS | {part for parts in tops for part in parts}
        try:
            names = [entry.name for entry in self.path.iterdir()]
        except OSError:
            return  # there is nothing to count, and deleting it says what is wrong
        other = sorted(name for name in names if name not in known and not _TEMPORARY.fullmatch(name))
        if other:
            more = f" and {len(other) - _MOST_NAMED} more" if len(other) > _MOST_NAMED else ""
            raise Goop2Error(
                "This folder holds other things too",
                f"{', '.join(other[:_MOST_NAMED])}{more} in {self.path} belong to no peer.",
                "Move them elsewhere first, or take the peer out of the list and delete its files by hand.",
            )

    def _config(self) -> Config:
        """The configuration if it can be used, else the defaults: for showing a peer, not for running it."""
        with contextlib.suppress(OSError):
            reading = read_document(self.config_file.read_bytes())
            if reading.config is not None:
                return reading.config
        return Config()


def peers_home() -> Path:
    """Where goop2 keeps the peers that it makes."""
    return platformdirs.user_data_path("goop2", appauthor=False) / "peers"


def list_peers(base: Path) -> list[PeerDir]:
    """The peers below `base` by directory name, also those whose `goop.json` is broken. Empty if there is no `base`."""
    try:
        with os.scandir(base) as entries:
            paths = [Path(entry.path) for entry in entries if entry.is_dir() and not entry.name.startswith(".")]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise Goop2Error("The peers cannot be listed", f"{base}: {error.strerror}.") from error
    peers = [PeerDir(path) for path in paths if os.path.lexists(path / CONFIG_NAME)]
    return sorted(peers, key=lambda peer: (peer.path.name.casefold(), peer.path.name))


def slug(name: str) -> str:
    """A directory name made from any name: letters, digits and hyphens, never empty (spec/network 1.4)."""
    plain = unicodedata.normalize("NFKD", name.casefold().replace("'", "").replace("\u2019", ""))
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    text = re.sub(r"[^\w]+|_+", "-", unicodedata.normalize("NFC", plain)).strip("-")
    return text.encode()[:_LONGEST_NAME].decode(errors="ignore").rstrip("-") or "peer"


def _settle(unfinished: Path, wanted: Path) -> Path:
    """Give a finished directory its name, or the next free one after it."""
    for number in range(1, _MOST_SAME_NAME):
        final = wanted if number == 1 else wanted.with_name(f"{wanted.name}-{number}")
        if os.path.lexists(final):
            continue
        try:
            return unfinished.rename(final)
        except (FileExistsError, NotADirectoryError):
            continue
        except OSError as error:
            if not os.path.lexists(final):
                raise
            del error
    raise Goop2Error("The peer cannot be made", f"There are too many named {wanted.name}.", "Choose another name.")


def _inside(path: Path, directory: Path) -> bool:
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(directory))


def _count(folder: Path) -> tuple[int, int]:
    """Files below `folder` and their bytes; it stops at `_MOST_COUNTED` files."""
    files = size = 0
    for place, _, names in os.walk(folder):
        for name in names:
            files += 1
            with contextlib.suppress(OSError):
                size += (Path(place) / name).lstat().st_size
        if files >= _MOST_COUNTED:
            break
    return files, size


def _count_rows(database: Path) -> tuple[int, int]:
    """Messages and people in a database that may be open elsewhere, damaged or missing."""
    if not database.is_file():
        return 0, 0
    try:
        with contextlib.closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            messages = connection.execute("SELECT COUNT(*) FROM _chat_messages").fetchone()[0]
            people = connection.execute("SELECT COUNT(*) FROM _peer_cache").fetchone()[0]
            return messages, people
    except sqlite3.Error:
        return 0, 0
