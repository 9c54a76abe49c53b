import json

import pytest

from goop2_core.events import Person
from goop2_core.viewer.guard import SITE_HEADERS
from tests.integration.viewer.support import BOB, EVE, ME, FakeClient, owner_cookie, sites, visitor_counts
from tests.support.http import ask

HTML = {"Accept": "text/html"}


async def test_the_own_site_is_on_its_own_origin(folder):
    async with sites(folder) as face:
        answer = await ask(face.port, "/", host=face.host(ME))
        assert answer.status == 200
        assert answer.text == "<!doctype html><h1>Own</h1>"
        assert answer.header("content-type") == "text/html; charset=utf-8"
        for name, value in SITE_HEADERS.items():
            assert answer.header(name) == value
        assert answer.header("server") == "goop2"


@pytest.mark.parametrize("host", ["127.0.0.1:{}", "localhost:{}", "[::1]:{}"])
async def test_a_path_on_this_computer_leads_to_the_origin(folder, host):
    async with sites(folder) as face:
        there = host.format(face.port)
        answer = await ask(face.port, f"/p/{BOB}/a/b%20c?x=1&y=%2F", host=there)
        assert answer.status == 307
        assert answer.header("location") == f"http://{face.host(BOB)}/a/b%20c?x=1&y=%2F"
        answer = await ask(face.port, f"/p/{BOB}", host=there)
        assert answer.header("location") == f"http://{face.host(BOB)}/"
        answer = await ask(face.port, "/", host=there)
        assert (answer.status, answer.header("location")) == (302, f"/p/{ME}/")


async def test_a_proxied_visitor_is_served_in_place(folder):
    async with sites(folder, http_addr="0.0.0.0:0") as face:
        for headers, version in (({"X-Forwarded-For": "203.0.113.9"}, "1.1"), ({}, "1.0")):
            answer = await ask(face.port, f"/p/{ME}/", host="127.0.0.1", headers=headers, version=version)
            assert answer.status == 200
            assert "Own" in answer.text
        answer = await ask(face.port, f"/p/{ME}", host="example.org")
        assert (answer.status, answer.header("location")) == (301, f"/p/{ME}/")


async def test_a_site_origin_leads_from_paths_to_the_other_origin(folder):
    async with sites(folder) as face:
        answer = await ask(face.port, f"/p/{BOB}/x", host=face.host(ME))
        assert answer.header("location") == f"http://{face.host(BOB)}/x"


@pytest.mark.parametrize(
    ("host", "private", "public"),
    [
        ("evil.example", 421, 404),
        ("x.localhost", 421, 421),
        ("", 400, 400),
        ("a b", 400, 400),
        ("me.example", 404, 404),
    ],
)
async def test_which_names_it_answers_to(folder, host, private, public):
    for address, expected in (("127.0.0.1:0", private), ("0.0.0.0:0", public)):
        async with sites(folder, http_addr=address, public_url="https://me.example/") as face:
            assert (await ask(face.port, "/nothing", host=host)).status == expected


async def test_two_hosts_are_none(folder):
    async with sites(folder) as face:
        assert (await ask(face.port, "/", headers={"Host": ["127.0.0.1", "127.0.0.1"]})).status == 400


async def test_a_token_lets_the_owner_in_once_and_on_one_origin(folder):
    async with sites(folder, client=FakeClient({(BOB, "/index.html"): b"Bob", (EVE, "/index.html"): b"Eve"})) as face:
        url = face.server.owner_url(BOB, "/page?x=1#there")
        assert url.startswith(f"http://{face.host(BOB)}/page?x=1&goop-token=")
        assert url.endswith("#there")
        path = url.partition(str(face.port))[2].partition("#")[0]
        answer = await ask(face.port, path, host=face.host(BOB))
        assert answer.status == 303
        assert answer.header("location") == "/page?x=1"
        cookie = next(value for name, value in answer.headers if name == "set-cookie")
        for part in ("HttpOnly", "SameSite=Lax", "Path=/"):
            assert part in cookie
        assert "Domain" not in cookie
        session = {"Cookie": cookie.partition(";")[0]}

        assert (await ask(face.port, "/", host=face.host(BOB), headers=session)).text == "Bob"
        assert (await ask(face.port, "/", host=face.host(EVE), headers=session)).status == 403
        assert (await ask(face.port, "/", host=face.host(BOB))).status == 403

        again = await ask(face.port, path, host=face.host(BOB))
        assert again.status == 303
        assert not any(name.startswith("goop2_site") for name in again.cookies())


async def test_a_token_of_another_origin_is_burnt(folder):
    async with sites(folder) as face:
        path = face.server.owner_url(BOB).partition(str(face.port))[2]
        for host in (EVE, BOB):
            answer = await ask(face.port, path, host=face.host(host))
            assert answer.status == 303
            assert not any(name.startswith("goop2_site") for name in answer.cookies())


async def test_an_owner_behind_a_proxy_is_a_guest(folder):
    async with sites(folder, http_addr="0.0.0.0:0") as face:
        cookie = {"Cookie": await owner_cookie(face, ME)}
        own = await ask(face.port, "/api/self", host=face.host(ME), headers=cookie)
        assert '"guest"' not in own.text
        for proxy in ({"X-Forwarded-For": "127.0.0.1"}, {"Via": "1.1 x"}, {"Forwarded": "for=127.0.0.1"}):
            answer = await ask(face.port, "/api/self", host=face.host(ME), headers={**cookie, **proxy})
            assert '"guest": true' in answer.text
        answer = await ask(face.port, "/api/self", host=face.host(ME), headers=cookie, version="1.0")
        assert '"guest": true' in answer.text
        path = face.server.owner_url(ME).partition(str(face.port))[2]
        answer = await ask(face.port, path, host=face.host(ME), headers={"X-Forwarded-For": "127.0.0.1"})
        assert not any(name.startswith("goop2_site") for name in answer.cookies())


async def test_an_owner_is_nobody_on_plain_loopback_and_public_names(folder):
    async with sites(folder, http_addr="0.0.0.0:0") as face:
        cookie = {"Cookie": await owner_cookie(face, ME)}
        for host in (f"127.0.0.1:{face.port}", f"localhost:{face.port}", "example.org"):
            answer = await ask(face.port, "/api/self", host=host, headers=cookie)
            assert '"guest": true' in answer.text


async def test_guests_have_a_name_that_stays(folder):
    async with sites(folder) as face:
        first = await ask(face.port, "/api/self", host=face.host(ME))
        secret = first.cookies()["goop2_guest"]
        cookie = next(value for name, value in first.headers if name == "set-cookie")
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie
        assert "Secure" not in cookie
        assert secret not in first.text
        again = await ask(face.port, "/api/self", host=face.host(ME), headers={"Cookie": f"goop2_guest={secret}"})
        assert again.text == first.text
        assert not again.cookies()
        assert "email" in again.text
        other = await ask(face.port, "/api/self", host=face.host(ME))
        assert other.text != first.text


async def test_a_guests_cookie_is_secure_behind_a_trusted_tls_proxy(folder):
    async with sites(folder, trusted_proxies=("127.0.0.1",), public_url="https://me.example") as face:
        headers = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}
        answer = await ask(face.port, f"/p/{ME}/", host="me.example", headers=headers)
        assert "Secure" in next(value for name, value in answer.headers if name == "set-cookie")


async def test_people_are_the_owners(folder):
    people = (Person(BOB, "Bob", online=True, last_seen=1_700_000_000_000), Person(EVE, avatar_hash="0" * 16))
    async with sites(folder, people=people) as face:
        assert (await ask(face.port, "/api/peers", host=face.host(BOB))).text == "[]"
        cookie = {"Cookie": await owner_cookie(face, ME)}
        answer = await ask(face.port, "/api/peers", host=face.host(ME), headers=cookie)
        assert '"LastSeen": "2023-11-14T22:13:20Z"' in answer.text
        assert '"Content": "Bob"' in answer.text
        assert {entry["ID"] for entry in json.loads(answer.text)} == {BOB, EVE}
        cookie = {"Cookie": await owner_cookie(face, BOB)}
        avatar = await ask(face.port, f"/api/avatar/peer/{EVE}", host=face.host(BOB), headers=cookie)
        assert avatar.header("content-type") == "image/png"
        tag = {"If-None-Match": avatar.header("etag")}
        assert (
            await ask(face.port, f"/api/avatar/peer/{EVE}", host=face.host(BOB), headers={**cookie, **tag})
        ).status == 304
        guest = await ask(face.port, f"/api/avatar/peer/{EVE}", host=face.host(BOB))
        assert guest.header("content-type") == "image/svg+xml"
        assert (await ask(face.port, f"/api/avatar/peer/{ME}", host=face.host(BOB))).header(
            "content-type"
        ) == "image/png"
        assert (await ask(face.port, "/api/avatar/peer/..%2f..", host=face.host(BOB))).status in (400, 404)


async def test_another_site_does_not_learn_whom_the_owner_knows(folder):
    people = (
        Person(BOB, "Bob", email="bob@example.org", favorite=True, online=True, last_seen=1_700_000_000_000),
        Person(EVE, "Eve", email="eve@example.org", favorite=True),
    )
    async with sites(folder, people=people) as face:
        cookie = {"Cookie": await owner_cookie(face, ME)}
        own = json.loads((await ask(face.port, "/api/peers", host=face.host(ME), headers=cookie)).text)
        assert [(entry["ID"], entry["Email"], entry["Favorite"]) for entry in own] == sorted(
            [(BOB, "bob@example.org", True), (EVE, "eve@example.org", True)]
        )
        cookie = {"Cookie": await owner_cookie(face, BOB)}
        told = json.loads((await ask(face.port, "/api/peers", host=face.host(BOB), headers=cookie)).text)
        assert [entry["ID"] for entry in told] == sorted([BOB, ME])
        assert all(entry.keys() == own[0].keys() for entry in told)
        assert not any(entry["Email"] or entry["Favorite"] for entry in told)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, 200),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
async def test_the_site_api_is_for_the_site_itself(folder, headers, expected):
    async with sites(folder) as face:
        answer = await ask(face.port, "/api/self", host=face.host(ME), headers=headers)
        assert answer.status == expected
        assert answer.header("access-control-allow-origin") == ""


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
async def test_nothing_can_be_changed(folder, method):
    async with sites(folder) as face:
        for path in ("/", "/index.html", "/api/self", f"/p/{ME}/"):
            assert (await ask(face.port, path, method, host=face.host(ME))).status in (403, 405)
            headers = {"X-Goop2": "1", "Content-Type": "application/json", "Origin": f"http://{face.host(ME)}"}
            assert (await ask(face.port, path, method, host=face.host(ME), headers=headers)).status == 405
        assert (folder / "index.html").read_text() == "<!doctype html><h1>Own</h1>"


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/sub/..%2f..%2fsecret.txt",
        "/%2e%2e%2fsecret.txt",
        "/..%5csecret.txt",
        "/sub/%2e%2e/%2e%2e/secret.txt",
        "//secret.txt",
        "/%2fetc%2fpasswd",
        "//etc/passwd",
        "/out",
        "/up/secret.txt",
        "/up/site/lua/secret.lua",
        "/lua/secret.lua",
        "/LUA/secret.lua",
        "/lu%61/secret.lua",
        "/./lua/secret.lua",
        "/sub/../lua/secret.lua",
        "/sub/%2e%2e/lua/secret.lua",
        "/.hidden",
        "/%2ehidden",
        "/.goop2-tmp/x",
        "/secret.txt%00.html",
        "/index.html%00",
        "/%ff%fe",
        "/%c0%ae%c0%ae/secret.txt",
        "/" + "a/" * 2000,
        "/" + "../" * 500 + "etc/passwd",
    ],
)
async def test_no_way_out_of_the_site(folder, path):
    async with sites(folder, http_addr="0.0.0.0:0") as face:
        for place, host in ((path, face.host(ME)), (f"/p/{ME}{path}", "example.org")):
            answer = await ask(face.port, place, host=host)
            assert answer.status in (400, 403, 404)
            assert "root:" not in answer.text
            assert answer.text.count("secret") == answer.text.count("secret.txt") + answer.text.count("secret.lua")


async def test_odd_names_and_folders(folder):
    async with sites(folder) as face:
        answer = await ask(face.port, "/sub/a%20b%26%C3%BC.txt", host=face.host(ME))
        assert answer.text == "odd"
        answer = await ask(face.port, "/sub?q=1", host=face.host(ME))
        assert (answer.status, answer.header("location")) == (301, "/sub/?q=1")
        assert (await ask(face.port, "/sub/", host=face.host(ME))).text == "sub"
        assert (await ask(face.port, "/sub/deep/", host=face.host(ME))).status == 404
        assert (await ask(face.port, "/index.html", host=face.host(ME))).status == 200


async def test_no_redirect_leads_to_another_host(folder):
    async with sites(folder, http_addr="0.0.0.0:0") as face:
        for path in (
            "//evil.example/%2e%2e",
            "//evil.example?goop-token=x",
            "/%5c%5cevil.example?goop-token=x",
            "//sub",
        ):
            location = (await ask(face.port, path, host=face.host(ME))).header("location")
            assert not location.startswith(("//", "/\\"))
        answer = await ask(face.port, "/x%0d%0aSet-Cookie:a=b?goop-token=x", host=face.host(ME))
        assert "a=b" not in answer.cookies().values()
        assert "\r" not in answer.header("location")


async def test_folder_redirects_in_place_keep_the_prefix(folder):
    async with sites(folder, http_addr="0.0.0.0:0") as face:
        answer = await ask(face.port, f"/p/{ME}/sub", host="example.org")
        assert (answer.status, answer.header("location")) == (301, f"/p/{ME}/sub/")


async def test_a_site_without_a_start_page_says_so(folder):
    (folder / "index.html").unlink()
    async with sites(folder) as face:
        owner = await ask(face.port, "/", host=face.host(ME), headers={"Cookie": await owner_cookie(face, ME), **HTML})
        assert owner.status == 404
        assert str(folder) in owner.text
        away = await ask(face.port, "/", host=face.host(ME), headers={"Via": "x", **HTML})
        assert away.status == 404
        assert str(folder) not in away.text
        assert "<script" not in away.text


async def test_entity_tags(folder):
    async with sites(folder) as face:
        first = await ask(face.port, "/digits.bin", host=face.host(ME))
        tag = first.header("etag")
        assert tag.startswith('"')
        for header, expected in ((tag, 304), (f"W/{tag}", 304), (f'"x", {tag}', 304), ("*", 304), ('"x"', 200)):
            answer = await ask(face.port, "/digits.bin", host=face.host(ME), headers={"If-None-Match": header})
            assert answer.status == expected
            assert answer.header("etag") == tag
        (folder / "digits.bin").write_bytes(b"01234567890")
        answer = await ask(face.port, "/digits.bin", host=face.host(ME), headers={"If-None-Match": tag})
        assert answer.status == 200
        assert answer.header("etag") != tag


@pytest.mark.parametrize(
    ("header", "status", "body", "content_range"),
    [
        ("bytes=0-3", 206, b"0123", "bytes 0-3/10"),
        ("bytes=4-", 206, b"456789", "bytes 4-9/10"),
        ("bytes=-2", 206, b"89", "bytes 8-9/10"),
        ("bytes=2-99", 206, b"23456789", "bytes 2-9/10"),
        ("bytes=10-", 416, None, "bytes */10"),
        ("bytes=0-1,3-4", 200, b"0123456789", ""),
        ("rubbish", 200, b"0123456789", ""),
    ],
)
async def test_ranges(folder, header, status, body, content_range):
    async with sites(folder) as face:
        for method in ("GET", "HEAD"):
            answer = await ask(face.port, "/digits.bin", method, host=face.host(ME), headers={"Range": header})
            assert answer.status == status
            assert answer.header("content-range") == content_range
            if body is not None:
                assert answer.header("content-length") == str(len(body))
                assert answer.body == (body if method == "GET" else b"")


async def test_an_empty_file_and_heads(folder):
    async with sites(folder) as face:
        answer = await ask(face.port, "/empty.txt", host=face.host(ME))
        assert (answer.status, answer.body) == (200, b"")
        answer = await ask(face.port, "/digits.bin", "HEAD", host=face.host(ME))
        assert (answer.status, answer.header("content-length"), answer.body) == (200, "10", b"")
        assert answer.header("accept-ranges") == "bytes"


async def test_a_large_file_comes_whole(folder):
    data = bytes(range(256)) * 40_000
    (folder / "large.bin").write_bytes(data)
    async with sites(folder) as face:
        answer = await ask(face.port, "/large.bin", host=face.host(ME))
        assert answer.body == data
        answer = await ask(face.port, "/large.bin", host=face.host(ME), headers={"Range": "bytes=1000001-9000000"})
        assert answer.body == data[1000001:9000001]


async def test_visitors_are_counted_by_browser(folder):
    async with sites(folder, http_addr="0.0.0.0:0") as face:
        first = await ask(face.port, f"/p/{ME}/", host="example.org", headers=HTML)
        cookie = {"Cookie": f"goop2_guest={first.cookies()['goop2_guest']}"}
        await ask(face.port, f"/p/{ME}/app.js", host="example.org", headers=cookie)
        assert visitor_counts(face) == [1]
        await ask(face.port, f"/p/{ME}/", host="example.org", headers=HTML)
        assert visitor_counts(face) == [1, 2]
        await ask(face.port, f"/p/{ME}/app.js", host="example.org")
        await ask(face.port, f"/p/{ME}/app.js", host="example.org")
        assert visitor_counts(face) == [1, 2, 3]
        owner = {"Cookie": await owner_cookie(face, ME), **HTML}
        await ask(face.port, "/", host=face.host(ME), headers=owner)
        assert visitor_counts(face) == [1, 2, 3]


async def test_a_client_that_asks_too_much_waits(folder):
    async with sites(folder, http_addr="0.0.0.0:0") as face:
        face.server._rates._burst = 3
        headers = {"X-Forwarded-For": "203.0.113.9"}
        statuses = [(await ask(face.port, f"/p/{ME}/", host="example.org", headers=headers)).status for _ in range(5)]
        assert statuses[:3] == [200, 200, 200]
        answer = await ask(face.port, "/api/self", host="example.org", headers=headers)
        assert answer.status == 429
        assert answer.header("retry-after")
        owner = {"Cookie": await owner_cookie(face, ME)}
        assert (await ask(face.port, "/", host=face.host(ME), headers=owner)).status == 200


async def test_healthz_and_what_is_not_there(folder):
    async with sites(folder) as face:
        assert (await ask(face.port, "/healthz")).text == "ok\n"
        assert (await ask(face.port, "/api/state")).status == 404
        assert (await ask(face.port, "/p/nobody/")).status == 404
        assert (await ask(face.port, "/nothing")).status == 404
        page = await ask(face.port, "/nothing", host=face.host(ME), headers=HTML)
        assert page.header("content-type").startswith("text/html")
        style = await ask(face.port, "/.goop2/page.css")
        assert "--accent" in style.text
        assert (await ask(face.port, "/.goop2/retry.js")).header("content-type").startswith("application/javascript")
        assert (await ask(face.port, "/.goop2/x")).status == 404
