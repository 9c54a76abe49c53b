"""The owner's site folder: what of it is served to others, and how the owner changes it.

Every method here touches the disk and blocks: call them through a thread. Paths are relative to the root with `/`
between parts. What others see (`served`) is narrower than what the owner may edit: no `lua/`, no dot files, nothing
that a symbolic link brings in from outside of the folder (spec 3.2; spec/application.md 3.7 and 10.3, number 13).
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import stat
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from goop2_core.errors import Goop2Error, Refused
from goop2_core.site.mime import SNIFFED_BYTES, mime_of, needs_head
from goop2_core.site.paths import TEMPORARY, check_public, clean, forbidden, not_found, printable
from goop2_core.site.upload import Upload, sync_folder

MOST_ENTRIES: Final = 10_000
ABSENT: Final = "none"
_HASH_BLOCK: Final = 1 << 20
_READ_FLAGS: Final = (
    os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
)


@dataclass(frozen=True, slots=True)
class SiteFile:
    """A file as it was when it was looked up: its real place, its type, its size in bytes, and what identifies it."""

    path: Path
    mime: str
    size: int
    version: tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a folder: `path` from the root, `name`, whether it is a folder, bytes, and when it changed (ms)."""

    path: str
    name: str
    dir: bool
    size: int
    modified: int


class ContentStore:
    """The files below `root`. Changes are made one at a time; a file is never seen half written."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._changing = threading.RLock()

    # What others see

    def served(self, path: str) -> SiteFile:
        """The public file at `path`; a folder stands for its `index.html`. Raises `Refused` (403 or 404)."""
        parts = clean(path.strip()) or ("index.html",)
        check_public(parts, path)
        try:
            return self._public_file(parts, path)
        except (OSError, ValueError):
            raise not_found(path) from None

    def _public_file(self, parts: tuple[str, ...], path: str) -> SiteFile:
        root = self._real_root()
        real = _real(root.joinpath(*parts))
        check_public(_below(root, real, path), path)
        facts = real.stat()
        if stat.S_ISDIR(facts.st_mode) and parts[-1] != "index.html":
            return self._public_file((*parts, "index.html"), path)
        if not stat.S_ISREG(facts.st_mode):
            raise not_found(path)
        file = SiteFile(real, "", facts.st_size, _version(facts))
        head = self.read(file, 0, SNIFFED_BYTES) if needs_head(parts[-1]) else b""
        return replace(file, mime=mime_of(parts[-1], head))

    def read(self, file: SiteFile, offset: int, most: int) -> bytes:
        """The bytes of `file` from `offset`, `most` or all that is left.

        The file is opened anew for each block, so that no visitor holds it open. Raises `Refused` (409) if it is no
        longer the one that was looked up, so that nobody gets half of one version and half of another.
        """
        descriptor = os.open(file.path, _READ_FLAGS)
        try:
            if _version(os.fstat(descriptor)) != file.version:
                raise Refused(
                    "The file has changed", f"{printable(file.path.name)} was replaced while it was read.", status=409
                )
            os.lseek(descriptor, offset, os.SEEK_SET)
            wanted = max(0, min(most, file.size - offset))
            data = os.read(descriptor, wanted)
            while len(data) < wanted and (more := os.read(descriptor, wanted - len(data))):
                data += more
            return data
        finally:
            os.close(descriptor)

    # What the owner sees and changes

    def file(self, path: str) -> SiteFile:
        """Any file of the site, for its owner. Raises `Refused` (403 or 404)."""
        real = self._own(path)
        try:
            facts = real.stat()
        except (OSError, ValueError):
            raise not_found(path) from None
        if not stat.S_ISREG(facts.st_mode):
            raise not_found(path)
        return SiteFile(real, mime_of(real.name), facts.st_size, _version(facts))

    def folder(self, path: str = "") -> list[Entry]:
        """What is in one folder: folders first, then by name; 10,000 entries at most. Raises `Refused` (403 or 404)."""
        parts = clean(path)
        real = self._own(path)
        entries: list[Entry] = []
        try:
            with os.scandir(real) as found:
                for item in found:
                    if item.name == TEMPORARY and not parts:
                        continue
                    facts = item.stat(follow_symlinks=False)
                    is_folder = item.is_dir()
                    size = 0 if is_folder else facts.st_size
                    entry = Entry(
                        "/".join((*parts, item.name)), item.name, is_folder, size, facts.st_mtime_ns // 1_000_000
                    )
                    entries.append(entry)
                    if len(entries) >= MOST_ENTRIES:
                        break
        except FileNotFoundError:
            hint = "" if parts else f"Is {self.root} still there?"
            raise Refused(
                "There is no such folder", f"The site has no folder “{printable(path)}”.", hint, status=404
            ) from None
        except NotADirectoryError:
            raise Refused("This is not a folder", f"“{printable(path)}” is a file.", status=409) from None
        except OSError as error:
            raise _failed("The folder could not be read", error) from error
        return sorted(entries, key=lambda entry: (not entry.dir, entry.name.casefold(), entry.name))

    def etag(self, path: str) -> str:
        """`sha256:<64 hex digits>` of the file's content, or `none` if there is no such file."""
        return _etag_of(self._own(path, leaf=False))

    def upload(self, path: str, if_match: str = "") -> Upload:
        """Begin to write `path`, with the folders above it; nothing is seen of it before `Upload.commit`.

        With `if_match` the write is made only if `etag` still says that, at the beginning and at the end; else
        `Refused` (409).
        """
        target = self._own(path, leaf=False)
        with _words("The file could not be written"):
            if target == self._real_root() or target.is_dir():
                raise Refused("A folder cannot be written to", f"“{printable(path)}” is a folder.", status=409)
        self._match(target, if_match)
        return Upload(self._real_root() / TEMPORARY, lambda written: self._place(path, written, if_match))

    def write(self, path: str, data: bytes, if_match: str = "") -> str:
        """Write a whole file and return its new etag; see `upload`."""
        upload = self.upload(path, if_match)
        try:
            upload.write(data)
            return upload.commit()
        finally:
            upload.abort()

    def make_folder(self, path: str) -> None:
        """Make a folder and those above it. Raises `Refused` (409) if something is there already."""
        target = self._own(path, leaf=False)
        with self._changing, _words("The folder could not be made"):
            target.mkdir(parents=True)

    def delete(self, path: str, *, recursive: bool = False) -> None:
        """Delete a file, or a folder, which has to be empty unless `recursive`. A link goes, not what it points to."""
        target = self._own(path, leaf=False)
        self._not_root(target)
        with self._changing, _words("It could not be deleted"):
            if not target.is_dir() or target.is_symlink():
                target.unlink()
            elif recursive:
                shutil.rmtree(target)
            else:
                target.rmdir()

    def rename(self, path: str, to: str) -> None:
        """Give a file or folder another name or place. Raises `Refused` (409) if `to` exists."""
        source, target = self._own(path, leaf=False), self._own(to, leaf=False)
        self._not_root(source)
        with self._changing, _words("It could not be renamed"):
            if os.path.lexists(target):
                raise FileExistsError(errno.EEXIST, "exists", to)
            if not os.path.lexists(source):
                raise FileNotFoundError(errno.ENOENT, "missing", path)
            target.parent.mkdir(parents=True, exist_ok=True)
            source.rename(target)

    def _place(self, path: str, written: Path, if_match: str) -> None:
        with self._changing, _words("The file could not be written"):
            target = self._own(path, leaf=False)
            self._match(target, if_match)
            target.parent.mkdir(parents=True, exist_ok=True)
            written.replace(target)
            sync_folder(target.parent)

    def _match(self, target: Path, if_match: str) -> None:
        if if_match and (now := _etag_of(target)) != if_match:
            reason = "It is gone." if now == ABSENT else "Somebody changed it since you opened it."
            raise Refused("The file is not what it was", reason, "Reload it, then make your change again.", status=409)

    def _real_root(self) -> Path:
        return _real(self.root)

    def _not_root(self, target: Path) -> None:
        if target == self._real_root():
            raise Refused("The site folder itself stays", "Only what is in it can be deleted or renamed.", status=403)

    def _own(self, path: str, *, leaf: bool = True) -> Path:
        """The place of `path` with links followed (but for the last part, unless `leaf`); refused if it is outside."""
        parts = clean(path)
        if parts and parts[0] == TEMPORARY:
            raise forbidden(path)
        root = self._real_root()
        whole = leaf or not parts
        real = _real(root.joinpath(*parts)) if whole else _real(root.joinpath(*parts[:-1])) / parts[-1]
        _below(root, real, path)
        return real


def _real(path: Path) -> Path:
    """`path` with every link followed, also those that lead nowhere or in a circle."""
    return Path(os.path.realpath(path))


def _below(root: Path, real: Path, path: str) -> tuple[str, ...]:
    """The parts of `real` below `root`; refused if it is elsewhere."""
    if not real.is_relative_to(root):
        raise forbidden(path)
    return real.relative_to(root).parts


def _version(facts: os.stat_result) -> tuple[int, int, int]:
    return (facts.st_ino, facts.st_size, facts.st_mtime_ns)


def _etag_of(file: Path) -> str:
    digest = hashlib.sha256()
    try:
        with open(file, "rb", opener=_without_waiting) as opened:
            if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
                return ABSENT
            while block := opened.read(_HASH_BLOCK):
                digest.update(block)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return ABSENT
    except OSError as error:
        raise _failed("The file could not be read", error) from error
    return f"sha256:{digest.hexdigest()}"


def _without_waiting(path: str, flags: int) -> int:
    """A pipe must not keep whoever opens it."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


@contextlib.contextmanager
def _words(title: str) -> Iterator[None]:
    """Turns an `OSError` of the block into a `Goop2Error` with this title."""
    try:
        yield
    except OSError as error:
        raise _failed(title, error) from error
    except ValueError as error:  # a name that the file system cannot even be asked about
        raise Refused(title, "This name cannot be used.", status=400) from error


def _failed(title: str, error: OSError) -> Goop2Error:
    match error.errno:
        case errno.ENOENT:
            return Refused(title, "It is not there (any more).", status=404)
        case errno.EEXIST:
            return Refused(title, "Something with this name is there already.", "Choose another name.", status=409)
        case errno.ENOTEMPTY:
            return Refused(title, "The folder is not empty.", status=409)
        case errno.ENOTDIR | errno.EISDIR:
            return Refused(title, "A file is where a folder should be, or the other way round.", status=409)
        case errno.ENAMETOOLONG | errno.EINVAL | errno.EILSEQ:
            return Refused(title, "This name cannot be used.", status=400)
        case errno.ENOSPC | errno.EDQUOT:
            return Refused(title, "The disk is full.", "Free some space, then try again.", status=507)
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return Refused(title, "This user may not write there.", "Check who owns the folder.", status=403)
    return Goop2Error(title, error.strerror or str(error))
