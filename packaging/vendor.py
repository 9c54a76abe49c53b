#!/usr/bin/env python3
"""Fetches what goop2 ships from npm (Preact, htm, Lucide icons, two fonts), without needing npm.

The lock file names each package's version and SHA-512; this script downloads those tarballs from the registry
(`NPM_CONFIG_REGISTRY`, else the public one), checks them, and writes exactly the files that are used, their licences
beside them. Nothing is written unless everything was fetched; running it again does nothing until the lock file, the
list of icons or this script changes. Only the standard library is used, because it runs before anything is installed.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import json
import os
import re
import shutil
import sys
import tarfile
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PUBLIC_REGISTRY = "https://registry.npmjs.org"
MOST_TARBALL = 64 << 20  # bytes; lucide-static, the largest, has 10 MB
MOST_MEMBER = 4 << 20
SECONDS = 60
TRIES = 3

INTER, MONO, ICONS = "@expo-google-fonts/inter", "@expo-google-fonts/jetbrains-mono", "lucide-static"


class VendorError(Exception):
    """Fetching failed; the text says what to do."""


@dataclass(frozen=True)
class Take:
    """One file to ship: `member` of `package`'s tarball becomes `target` (relative to resources/)."""

    package: str
    member: str
    target: str


def fonts() -> list[Take]:
    """The three weights of both families, in the names that Qt and the style sheet use."""
    takes = []
    for package, family, file in ((INTER, "Inter", "inter"), (MONO, "JetBrainsMono", "jetbrains-mono")):
        for weight, word in ((400, "Regular"), (500, "Medium"), (600, "SemiBold")):
            member = f"{weight}{word}/{family}_{weight}{word}.ttf"
            takes.append(Take(package, member, f"fonts/{file}-{weight}.ttf"))
        takes.append(Take(package, "LICENSE_FONT", f"fonts/LICENSE-{file}"))
    return takes


def wanted(icons: list[str]) -> list[Take]:
    """Every file to ship."""
    takes = [
        Take("preact", "dist/preact.mjs", "console/vendor/preact.js"),
        Take("preact", "hooks/dist/hooks.mjs", "console/vendor/preact-hooks.js"),
        Take("preact", "LICENSE", "console/vendor/LICENSE-preact"),
        Take("htm", "dist/htm.module.js", "console/vendor/htm.js"),
        Take("htm", "LICENSE", "console/vendor/LICENSE-htm"),
        Take(ICONS, "LICENSE", "console/vendor/LICENSE-lucide"),
        Take(ICONS, "LICENSE", "icons/lucide/LICENSE"),
        *fonts(),
    ]
    return takes + [Take(ICONS, f"icons/{name}.svg", f"icons/lucide/{name}.svg") for name in icons]


OUTPUTS = ("fonts", "icons/lucide", "console/vendor")  # the last holds the stamp and so is put in place last
STAMP = "console/vendor/stamp"


def icon_names(path: Path) -> list[str]:
    """The names in icons.txt, without comments."""
    names = [line.split("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines()]
    names = sorted({name for name in names if name})
    if bad := [name for name in names if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)]:
        message = f"{path}: not the name of an icon: {', '.join(bad)}"
        raise VendorError(message)
    return names


def locked(lock_path: Path, package: str) -> tuple[str, str]:
    """(version, integrity) of `package` in the lock file; integrity is `sha512-<base64>`."""
    lock = json.loads(lock_path.read_text(encoding="utf-8"))
    entry = lock["packages"].get(f"node_modules/{package}")
    if entry is None:
        message = f"{lock_path} does not name {package}: run npm install there."
        raise VendorError(message)
    if not entry.get("integrity", "").startswith("sha512-"):
        message = f"{lock_path} has no SHA-512 of {package}."
        raise VendorError(message)
    return entry["version"], entry["integrity"]


def registry() -> str:
    """The npm registry's address, without a slash at its end."""
    names = ("NPM_CONFIG_REGISTRY", "npm_config_registry")
    return next((os.environ[name] for name in names if os.environ.get(name)), PUBLIC_REGISTRY).rstrip("/")


def download(url: str) -> bytes:
    """The bytes at `url`; tries three times, as networks hiccup."""
    for attempt in range(1, TRIES + 1):
        try:
            with urllib.request.urlopen(url, timeout=SECONDS) as answer:
                data: bytes = answer.read(MOST_TARBALL + 1)
        except urllib.error.HTTPError as error:
            if error.code < 500 or attempt == TRIES:  # noqa: PLR2004
                message = f"The npm registry answered {error.code} for {url}."
                raise VendorError(message) from error
        except (OSError, ValueError) as error:
            if attempt == TRIES or isinstance(error, ValueError):
                reason = getattr(error, "reason", error)
                message = (
                    f"Could not fetch {url}: {reason}. Connect to the network and run it again, "
                    "or set NPM_CONFIG_REGISTRY to a registry that you can reach."
                )
                raise VendorError(message) from error
        else:
            if len(data) > MOST_TARBALL:
                message = f"{url} is larger than {MOST_TARBALL >> 20} MiB."
                raise VendorError(message)
            return data
        time.sleep(attempt)
    raise AssertionError


def verify(data: bytes, integrity: str) -> bool:
    """Whether the bytes have the SHA-512 that the lock file promises."""
    expected = base64.b64decode(integrity.removeprefix("sha512-"))
    return hmac.compare_digest(hashlib.sha512(data).digest(), expected)


def tarball(package: str, version: str, integrity: str, cache: Path) -> bytes:
    """The package's checked tarball: from the cache if it is there and whole, else from the registry."""
    kept = cache / f"{package.replace('/', '-').lstrip('@')}-{version}.tgz"
    if kept.is_file() and verify(data := kept.read_bytes(), integrity):
        return data
    url = f"{registry()}/{package}/-/{package.rsplit('/', maxsplit=1)[-1]}-{version}.tgz"
    print(f"fetching {package} {version}", flush=True)
    data = download(url)
    if not verify(data, integrity):
        message = f"{url} is not what the lock file promises (its SHA-512 differs). Nothing was installed."
        raise VendorError(message)
    cache.mkdir(parents=True, exist_ok=True)
    part = kept.with_suffix(f".{os.getpid()}")
    part.write_bytes(data)
    part.replace(kept)
    return data


def unpack(data: bytes, package: str, takes: list[Take], into: Path) -> None:
    """Write the wanted members of one tarball below `into`; no name from the tarball is ever used as a path."""
    targets: dict[str, list[str]] = {}
    for take in takes:
        targets.setdefault(take.member, []).append(take.target)
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as archive:
        for member in archive:
            name = member.name.partition("/")[2]
            if name not in targets or not member.isfile():
                continue
            if member.size > MOST_MEMBER:
                message = f"{package}: {name} is too large."
                raise VendorError(message)
            stream = archive.extractfile(member)
            assert stream is not None
            content = stream.read()
            for target in targets.pop(name):
                (into / target).parent.mkdir(parents=True, exist_ok=True)
                (into / target).write_bytes(content)
    if targets:
        message = f"{package} has no {', '.join(sorted(targets))}."
        if package == ICONS:
            message += " Check the names in resources/icons/icons.txt."
        raise VendorError(message)


def link_modules(into: Path) -> None:
    """Point the hooks' `from "preact"` at the file beside them: a page has no package resolution."""
    hooks = into / "console/vendor/preact-hooks.js"
    text, count = re.subn(r"""\bfrom\s*["']preact["']""", 'from"./preact.js"', hooks.read_text(encoding="utf-8"))
    if count != 1:
        message = f"preact/hooks imports preact {count} times; expected once."
        raise VendorError(message)
    hooks.write_text(text, encoding="utf-8")
    for module in (into / "console/vendor").glob("*.js"):
        source = module.read_text(encoding="utf-8")
        module.write_text(re.sub(r"\n?//# sourceMappingURL=.*", "", source), encoding="utf-8")


def draw_sprite(into: Path, icons: list[str]) -> None:
    """All icons as symbols of one SVG, which the console refers to; colour and stroke come from the page's style."""
    symbols = []
    for name in icons:
        text = (into / f"icons/lucide/{name}.svg").read_text(encoding="utf-8")
        found = re.search(r"<svg\b[^>]*>(.*)</svg>", text, flags=re.DOTALL)
        if found is None:
            message = f"{name}.svg is not an SVG picture."
            raise VendorError(message)
        shapes = re.sub(r"\s+", " ", found[1]).strip()
        symbols.append(f'<symbol id="{name}" viewBox="0 0 24 24">{shapes}</symbol>')
    sprite = '<svg xmlns="http://www.w3.org/2000/svg">\n' + "\n".join(symbols) + "\n</svg>\n"
    (into / "console/vendor/icons.svg").write_text(sprite, encoding="utf-8")


def fingerprint(lock: Path, icons: list[str], takes: list[Take]) -> str:
    """Changes when the outputs would: the packages' hashes, the wanted files, this script."""
    packages = sorted({take.package for take in takes})
    facts = [*(f"{package} {locked(lock, package)}" for package in packages), *icons]
    return hashlib.sha256("\n".join([*facts, Path(__file__).read_text(encoding="utf-8")]).encode()).hexdigest()


def up_to_date(resources: Path, stamp: str, takes: list[Take]) -> bool:
    """Whether the last run left exactly this, and all of it is still there."""
    path = resources / STAMP
    return (
        path.is_file()
        and path.read_text(encoding="utf-8") == stamp
        and all((resources / take.target).is_file() for take in takes)
        and (resources / "console/vendor/icons.svg").is_file()
    )


def put_in_place(staged: Path, resources: Path) -> None:
    """Replace the output folders by the staged ones; each swap is a rename."""
    for output in OUTPUTS:
        target, old = resources / output, staged / f"old-{output.replace('/', '-')}"
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            target.rename(old)
        (staged / output).rename(target)


def vendor(resources: Path, cache: Path) -> bool:
    """Fetch and install everything; whether there was something to do. Raises `VendorError`."""
    lock = resources / "console/package-lock.json"
    icons = icon_names(resources / "icons/icons.txt")
    takes = wanted(icons)
    stamp = fingerprint(lock, icons, takes)
    if up_to_date(resources, stamp, takes):
        return False
    staged = Path(tempfile.mkdtemp(prefix=".vendor-", dir=resources))
    try:
        for package in sorted({take.package for take in takes}):
            data = tarball(package, *locked(lock, package), cache)
            unpack(data, package, [take for take in takes if take.package == package], staged)
        link_modules(staged)
        draw_sprite(staged, icons)
        (staged / STAMP).write_text(stamp, encoding="utf-8")
        put_in_place(staged, resources)
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    return True


def main() -> int:
    """Command line: no arguments; 0 when everything is in place."""
    try:
        done = vendor(ROOT / "resources", ROOT / "build/vendor")
    except VendorError as error:
        print(f"vendor.py: {error}", file=sys.stderr)
        return 1
    print("vendored files are in place" if done else "vendored files are up to date")
    return 0


if __name__ == "__main__":
    sys.exit(main())
