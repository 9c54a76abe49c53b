"""packaging/vendor.py against a small registry on this machine."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.server
import importlib.util
import io
import json
import sys
import tarfile
import threading
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[3] / "packaging" / "vendor.py"
spec = importlib.util.spec_from_file_location("vendor", SCRIPT)
vendor = importlib.util.module_from_spec(spec)
sys.modules["vendor"] = vendor  # dataclasses look their module up
spec.loader.exec_module(vendor)


def tarball(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


@pytest.fixture
def world(tmp_path, monkeypatch):
    """A resources folder with a lock file, and a registry that serves what it names."""
    resources = tmp_path / "resources"
    (resources / "console").mkdir(parents=True)
    (resources / "icons").mkdir()
    (resources / "icons/icons.txt").write_text("# ours\ncheck\n")
    packages = {}
    for take in vendor.wanted(["check"]):
        data = b'import{h}from"preact";\n//# sourceMappingURL=x' if "hooks" in take.member else take.member.encode()
        if take.member.endswith(".svg"):
            data = b'<!-- c --><svg\n stroke="currentColor">\n<path d="M1 1" />\n</svg>'
        packages.setdefault(take.package, {})[take.member] = data
    packages["htm"]["../../outside.js"] = b"never written"
    served = {}
    lock = {}
    for name, files in packages.items():
        data = tarball(files)
        served[f"/{name}/-/{name.split('/')[-1]}-1.0.0.tgz"] = data
        digest = base64.b64encode(hashlib.sha512(data).digest()).decode()
        lock[f"node_modules/{name}"] = {"version": "1.0.0", "integrity": f"sha512-{digest}"}
    (resources / "console/package-lock.json").write_text(json.dumps({"packages": lock}))
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            data = served.get(self.path)
            self.send_response(200 if data else 404)
            self.end_headers()
            self.wfile.write(data or b"")

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("NPM_CONFIG_REGISTRY", f"http://127.0.0.1:{server.server_port}/")
    monkeypatch.setattr(vendor.time, "sleep", lambda _: None)
    with contextlib.closing(server.socket):
        yield resources, tmp_path / "cache", served, asked
        server.shutdown()
        thread.join()


def tree(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_exactly_the_wanted_files_come_once(world):
    resources, cache, _, asked = world
    assert vendor.vendor(resources, cache)
    assert not vendor.vendor(resources, cache)
    assert len(asked) == 5
    wanted = {take.target for take in vendor.wanted(["check"])}
    made = {"console/vendor/stamp", "console/vendor/icons.svg", "console/package-lock.json", "icons/icons.txt"}
    assert set(tree(resources)) == wanted | made
    assert (resources / "console/vendor/preact-hooks.js").read_text() == 'import{h}from"./preact.js";'
    sprite = (resources / "console/vendor/icons.svg").read_text()
    assert '<symbol id="check" viewBox="0 0 24 24"><path d="M1 1" /></symbol>' in sprite


def test_another_icon_or_a_lost_file_brings_it_to_work_again_without_the_network(world):
    resources, cache, served, asked = world
    vendor.vendor(resources, cache)
    served.clear()
    (resources / "fonts/inter-400.ttf").unlink()
    assert vendor.vendor(resources, cache)
    assert (resources / "fonts/inter-400.ttf").is_file()
    (resources / "icons/icons.txt").write_text("check\nno-such-icon\n")
    before = tree(resources)
    with pytest.raises(vendor.VendorError, match=r"no-such-icon.*icons\.txt"):
        vendor.vendor(resources, cache)
    assert tree(resources) == before
    assert len(asked) == 5


def test_what_differs_from_the_lock_file_is_refused(world):
    resources, cache, served, _ = world
    before = tree(resources)
    path = next(path for path in served if path.startswith("/preact"))
    served[path] = tarball({"dist/preact.mjs": b"evil"})
    with pytest.raises(vendor.VendorError, match="not what the lock file promises"):
        vendor.vendor(resources, cache)
    assert tree(resources) == before
    served.pop(path)
    with pytest.raises(vendor.VendorError, match="answered 404"):
        vendor.vendor(resources, cache)


def test_without_a_network_it_says_what_to_do(world, monkeypatch):
    resources, cache, _, _ = world
    monkeypatch.setenv("NPM_CONFIG_REGISTRY", "http://127.0.0.1:9")
    with pytest.raises(vendor.VendorError, match="Connect to the network"):
        vendor.vendor(resources, cache)


@pytest.mark.parametrize("name", ["../evil", "Check", "a b", "check.svg", "-"])
def test_odd_names_of_icons_are_refused(world, name):
    resources, cache, _, asked = world
    (resources / "icons/icons.txt").write_text(f"{name}\n")
    with pytest.raises(vendor.VendorError, match="not the name of an icon"):
        vendor.vendor(resources, cache)
    assert asked == []


def test_the_lock_file_names_no_hosts_and_every_hash():
    lock = json.loads((SCRIPT.parent.parent / "resources/console/package-lock.json").read_text())
    for name, entry in lock["packages"].items():
        if name:
            assert "resolved" not in entry, name
            assert entry["integrity"].startswith("sha512-"), name
