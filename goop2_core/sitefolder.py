"""What goes into the site folder of a new peer: a first page, or a copy of a folder."""

from __future__ import annotations

import html
import os
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path
from string import Template

from goop2_core.errors import Goop2Error
from goop2_core.resources import resource

LARGEST_COPY = 2 << 30
MOST_FILES = 100_000
_TITLE = "The folder cannot be copied"
_IN_PLACE = "You can publish the folder where it is, without copying it."


@dataclass(slots=True)
class _Found:
    files: int = 0
    size: int = 0


def write_first_page(site: Path, name: str) -> None:
    """Fill a new site with a page that bears `name`, and its style sheet. Raises `OSError`."""
    site.mkdir(mode=0o755, parents=True)
    page = Template(resource("new-site", "index.html").read_text(encoding="utf-8"))
    (site / "index.html").write_text(page.safe_substitute(name=html.escape(name)), encoding="utf-8")
    (site / "style.css").write_bytes(resource("new-site", "style.css").read_bytes())


def check_folder(folder: Path) -> Path:
    """The absolute path of a folder to publish. Raises `Goop2Error` if it is none, or cannot be read."""
    try:
        folder = folder.expanduser().resolve(strict=True)
        with os.scandir(folder) as entries:
            next(entries, None)
    except (OSError, RuntimeError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise Goop2Error("This folder cannot be published", f"{folder}: {reason}.", "Choose another folder.") from error
    return folder


def copy_folder(folder: Path, site: Path) -> None:
    """Copy all of `folder` (an absolute path) to the new path `site`.

    Nothing is left out in silence: raises `Goop2Error` before copying if something in there cannot be copied (a pipe,
    a link to somewhere else, a file that may not be read), or if it is more than 2 GiB, than 100,000 files, or than
    there is space for.
    """
    if folder == site or folder in site.parents:
        raise Goop2Error(_TITLE, f"goop2 keeps its peers inside {folder}.", "Choose another folder.")
    found = _Found()
    try:
        _survey(folder, folder, found)
        free = shutil.disk_usage(site.parent).free
        if found.size > free:
            raise Goop2Error(_TITLE, f"It needs {found.size >> 20} MiB; {free >> 20} MiB are free.", _IN_PLACE)
        shutil.copytree(folder, site, symlinks=True)
    except shutil.Error as error:
        source, _, reason = error.args[0][0]
        raise Goop2Error(_TITLE, f"{source}: {reason}", "Nothing was changed.") from error
    except OSError as error:
        raise Goop2Error(_TITLE, f"{error.filename or folder}: {error.strerror}.", "Nothing was changed.") from error


def _survey(folder: Path, root: Path, found: _Found) -> None:
    """Count what is below `folder`; raise for what cannot be copied. Iterative: folders may be nested deeply."""
    waiting = [folder]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(Path(entry.path))
                    continue
                _check_entry(entry, root)
                found.files += 1
                found.size += entry.stat(follow_symlinks=False).st_size
                if found.files > MOST_FILES or found.size > LARGEST_COPY:
                    reason = "It holds more than 2 GiB or 100,000 files."
                    raise Goop2Error(_TITLE, reason, _IN_PLACE)


def _check_entry(entry: os.DirEntry[str], root: Path) -> None:
    if entry.is_symlink():
        target = Path(entry.path).resolve()
        if not target.is_relative_to(root):
            raise Goop2Error(_TITLE, f"{entry.path} is a link to {target}, which is elsewhere.", _IN_PLACE)
        if Path(entry.path).readlink().is_absolute():
            reason = f"{entry.path} is a link by full path: in the copy it would still lead to the original."
            raise Goop2Error(_TITLE, reason, _IN_PLACE)
    elif not stat.S_ISREG(entry.stat(follow_symlinks=False).st_mode):
        raise Goop2Error(_TITLE, f"{entry.path} is neither a file nor a folder.", "Remove it, then try again.")
    elif not os.access(entry.path, os.R_OK):
        raise Goop2Error(_TITLE, f"{entry.path} may not be read by you.", "Change its permissions, then try again.")
