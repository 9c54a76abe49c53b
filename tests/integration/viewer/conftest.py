import pytest


@pytest.fixture
def folder(tmp_path):
    """A small site, with things beside and in it that nobody may see."""
    root = tmp_path / "site"
    (root / "sub" / "deep").mkdir(parents=True)
    (root / "lua").mkdir()
    (root / "index.html").write_text("<!doctype html><h1>Own</h1>")
    (root / "app.js").write_text("1")
    (root / "digits.bin").write_bytes(b"0123456789")
    (root / "empty.txt").write_bytes(b"")
    (root / "sub" / "index.html").write_text("sub")
    (root / "sub" / "a b&ü.txt").write_text("odd")
    (root / "lua" / "secret.lua").write_text("secret")
    (root / ".hidden").write_text("secret")
    (tmp_path / "secret.txt").write_text("secret")
    (root / "out").symlink_to(tmp_path / "secret.txt")
    (root / "up").symlink_to(tmp_path)
    return root
