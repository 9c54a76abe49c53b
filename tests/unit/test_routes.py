"""The routes for settings and log, and what all routes share, over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel
from yarl import URL

from goop2_core import logs_routes, settings_routes
from goop2_core import web as web_module
from goop2_core.config import ConfigFile
from goop2_core.errors import Goop2Error, Refused, Unreachable
from goop2_core.events import Delivery, SettingsChanged
from goop2_core.logs import Ring
from goop2_core.web import error_middleware, json_body, reply


class Note(BaseModel):
    text: str
    count: int = 0


@contextlib.asynccontextmanager
async def serving(routes: list[web.RouteDef]) -> AsyncIterator[aiohttp.ClientSession]:
    app = web.Application(middlewares=[error_middleware])
    app.add_routes(routes)
    async with TestServer(app) as server, aiohttp.ClientSession(server.make_url("/")) as client:
        yield client


async def error_of(answer: aiohttp.ClientResponse) -> dict[str, Any]:
    assert answer.content_type == "application/json"
    return (await answer.json())["error"]


# ---- web


async def echo(request: web.Request) -> web.Response:
    return reply(await json_body(request, Note, 1000))


async def test_a_body_becomes_a_model_and_back():
    async with serving([web.post("/", echo)]) as client:
        answer = await client.post("/", json={"text": "ü <b>", "other": 1})
        assert await answer.json() == {"text": "ü <b>", "count": 0}
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.content_type == "application/json"


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b'{"text": "x"}', "text/plain", 415),
        (b'{"text": "x"}', "application/x-www-form-urlencoded", 415),
        (b"", "application/json", 400),
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b'{"text": 1, "count": "x"}', "application/json", 400),
        (b"[" * 900, "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b'{"text": "' + b"x" * 2000 + b'"}', "application/json", 413),
    ],
)
async def test_bodies_that_cannot_be_used(body, kind, status):
    async with serving([web.post("/", echo)]) as client:
        answer = await client.post("/", data=body, headers={"Content-Type": kind})
        assert answer.status == status
        error = await error_of(answer)
        assert error["title"].startswith("The request")
        assert "Traceback" not in str(error)


async def test_a_body_without_a_length_is_cut_off_in_time():
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(1000):
            yield b"x" * 1000

    async with serving([web.post("/", echo)]) as client:
        try:
            answer = await client.post("/", data=endless(), headers={"Content-Type": "application/json"})
        except aiohttp.ClientError:
            return  # the server had answered and gone before everything was sent
        assert answer.status == 413


@pytest.mark.parametrize("rest", [b"ZZZ\r\n", b"", b"5\r\nab"])
async def test_a_body_that_never_ends_is_given_up(monkeypatch, rest):
    monkeypatch.setattr(web_module, "BODY_SECONDS", 0.2)
    begun = asyncio.Event()

    async def begin(request: web.Request) -> web.Response:
        begun.set()
        return await echo(request)

    async with serving([web.post("/", begin)]) as client:
        reader, writer = await asyncio.open_connection("127.0.0.1", URL(str(client._base_url)).port)
        writer.write(
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        await begun.wait()  # so that it is the handler's read that gets the rest
        writer.write(rest)
        assert (await reader.read(20)).startswith(b"HTTP/1.1 408")
        writer.close()
        await writer.wait_closed()


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=60))
def test_garbage_bodies(body):
    async def run() -> None:
        async with serving([web.post("/", echo)]) as client:
            answer = await client.post("/", data=body, headers={"Content-Type": "application/json"})
            assert answer.status in {200, 400}
            await answer.json()

    asyncio.run(run())


RAISED = [
    (Refused("No", "because", "do this", status=404), 404, {"title": "No", "message": "because", "hint": "do this"}),
    (Unreachable("Away", "gone"), 502, {"title": "Away", "message": "gone", "hint": ""}),
    (Goop2Error("Broken"), 500, {"title": "Broken", "message": "", "hint": ""}),
    (web.HTTPNotFound(), 404, {"title": "Not Found", "message": "", "hint": ""}),
]


@pytest.mark.parametrize(("error", "status", "body"), RAISED)
async def test_errors_come_in_words(error, status, body):
    async def fail(_request: web.Request) -> web.Response:
        raise error

    async with serving([web.get("/", fail)]) as client:
        answer = await client.get("/")
        assert answer.status == status
        assert await error_of(answer) == body


async def test_unknown_paths_methods_and_redirects():
    async def away(_request: web.Request) -> web.Response:
        raise web.HTTPFound("/x")

    async with serving([web.get("/", away)]) as client:
        assert (await client.get("/", allow_redirects=False)).status == 302
        assert (await client.get("/nowhere")).status == 404
        answer = await client.post("/")
        assert answer.status == 405
        assert answer.headers["Allow"] == "GET,HEAD"


async def test_a_bug_is_logged_and_answered_without_its_words(logged_errors):
    async def fail(_request: web.Request) -> web.Response:
        raise ValueError("s3cret detail")

    async with serving([web.get("/", fail)]) as client:
        answer = await client.get("/")
        assert answer.status == 500
        assert "s3cret" not in await answer.text()
    assert [record.name for record in logged_errors] == ["goop2.web"]
    logged_errors.clear()


@pytest.mark.parametrize("error", [Refused("too late"), ConnectionResetError("gone")])
async def test_an_answer_that_has_begun_is_cut_off(error):
    async def fail(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Length": "100"})
        await answer.prepare(request)
        await answer.write(b"x" * 50)
        raise error

    async with serving([web.get("/", fail)]) as client:
        with pytest.raises(aiohttp.ClientError):
            await (await client.get("/")).read()


async def test_reply_takes_what_the_engine_has():
    @dataclass(frozen=True)
    class Thing:
        fate: Delivery
        names: tuple[str, ...]

    answer = reply({"thing": Thing(Delivery.SENDING, ("a",)), "list": [Note(text="\ud800")]}, status=201)
    assert answer.status == 201
    assert json.loads(answer.body) == {
        "thing": {"fate": "sending", "names": ["a"]}, "list": [{"text": "?", "count": 0}],
    }  # fmt: skip
    with pytest.raises(TypeError):
        reply({1, 2})


# ---- settings


@contextlib.asynccontextmanager
async def settings_page(
    tmp_path: Path, text: str = "{}"
) -> AsyncIterator[tuple[aiohttp.ClientSession, ConfigFile, list]]:
    (tmp_path / "goop.json").write_text(text)
    file = ConfigFile(tmp_path / "goop.json")
    file.load()
    events: list[SettingsChanged] = []
    async with serving(settings_routes.routes(file, events.append)) as client:
        yield client, file, events


async def fields_of(client: aiohttp.ClientSession) -> tuple[dict[str, Any], dict[str, Any]]:
    body = await (await client.get("/api/settings")).json()
    return body, {field["key"]: field for section in body["sections"] for field in section["fields"]}


async def test_the_page_gets_everything_but_secrets(tmp_path):
    text = '{"profile": {"lable": 1, "verification_token": "hunter2"}, "viewer": {"trusted_proxies": ["10.0.0.1"]}}'
    async with settings_page(tmp_path, text) as (client, _, _):
        body, fields = await fields_of(client)
        assert set(body) == {"sections", "warnings", "path", "restart_needed"}
        assert body["path"] == str(tmp_path / "goop.json")
        assert [warning["key"] for warning in body["warnings"]] == ["profile.lable"]
        assert fields["p2p.listen_port"] == {
            "key": "p2p.listen_port", "title": "Port", "help": fields["p2p.listen_port"]["help"], "type": "integer",
            "choices": [], "min": 0, "max": 65535, "default": 0, "value": 0, "live": False, "used": True,
            "secret": False, "advanced": False,
        }  # fmt: skip
        assert fields["viewer.theme"]["choices"] == ["auto", "light", "dark"]
        assert fields["viewer.trusted_proxies"]["value"] == ["10.0.0.1"]
        assert fields["profile.verification_token"] | {"help": ""} == fields["profile.verification_token"] | {
            "value": "", "set": True, "secret": True, "help": "",
        }  # fmt: skip
        assert fields["p2p.nacl_private_key"]["set"] is False
        assert "hunter2" not in json.dumps(body)


async def test_changes_are_stored_told_and_answered(tmp_path):
    async with settings_page(tmp_path) as (client, file, events):
        answer = await client.post("/api/settings", json={"changes": {"profile.label": "A", "p2p.listen_port": 4001}})
        assert answer.status == 200
        assert await answer.json() == {"keys": ["p2p.listen_port", "profile.label"], "restart": ["p2p.listen_port"]}
        assert events == [SettingsChanged(("p2p.listen_port", "profile.label"), ("p2p.listen_port",))]
        assert file.config.profile.label == "A"
        body, fields = await fields_of(client)
        assert body["restart_needed"] == ["p2p.listen_port"]
        assert fields["profile.label"]["value"] == "A"
        await client.post("/api/settings", json={"changes": {"p2p.listen_port": None}})
        assert (await fields_of(client))[0]["restart_needed"] == []
        await client.post("/api/settings", json={"changes": {"profile.label": "A"}})
        assert len(events) == 2  # the last changed nothing


@pytest.mark.parametrize(
    ("changes", "keys"),
    [
        (
            {"profile.label": 5, "p2p.listen_port": -1, "nothing.x": 1},
            {"profile.label", "p2p.listen_port", "nothing.x"},
        ),
        ({"p2p.listen_port": "4001"}, {"p2p.listen_port"}),
        ({"p2p.listen_port": True}, {"p2p.listen_port"}),
        ({"viewer.debug": "true"}, {"viewer.debug"}),
        ({"lua.enabled": True}, {"lua.enabled"}),
        ({"viewer.theme": "pink", "profile.label": "fine"}, {"viewer.theme"}),
    ],
)
async def test_wrong_changes_change_nothing(tmp_path, changes, keys):
    async with settings_page(tmp_path) as (client, file, events):
        answer = await client.post("/api/settings", json={"changes": changes})
        assert answer.status == 422
        error = await error_of(answer)
        assert {problem["key"] for problem in error["problems"]} == keys
        assert all(set(problem) == {"key", "message", "suggestion"} for problem in error["problems"])
        assert events == []
        assert file.path.read_text() == "{}"


async def test_a_broken_file_is_said_and_left(tmp_path):
    async with settings_page(tmp_path) as (client, file, events):
        file.path.write_text("{")
        answer = await client.post("/api/settings", json={"changes": {"profile.label": "A"}})
        assert answer.status == 422
        assert file.path.read_text() == "{"
        assert events == []


@pytest.mark.parametrize("body", [{}, {"changes": []}, {"changes": {"a": {}}}, {"changes": {}, "x": 1}, []])
async def test_bodies_of_another_shape(tmp_path, body):
    async with settings_page(tmp_path) as (client, file, _):
        assert (await client.post("/api/settings", json=body)).status == 400
        assert file.path.read_text() == "{}"


# ---- log


async def test_the_log_page_by_page():
    ring = Ring()
    for n in range(1, 8):
        ring.write(n, "INFO", "test", f"line {n}")
    async with serving(logs_routes.routes(ring)) as client:
        body = await (await client.get("/api/log?limit=3")).json()
        assert [line["text"] for line in body["lines"]] == ["line 1", "line 2", "line 3"]
        assert body["next"] == 3
        assert body["lines"][0] == {"number": 1, "timestamp": 1, "level": "INFO", "area": "test", "text": "line 1"}
        body = await (await client.get("/api/log", params={"after": 3})).json()
        assert (len(body["lines"]), body["next"]) == (4, 7)
        assert await (await client.get("/api/log?after=7")).json() == {"lines": [], "next": 7}
        for query in ("after=x", "after=-1", "limit=1e3", "after=٣", "limit=" + "9" * 30):
            assert (await client.get(f"/api/log?{query}")).status == 400
        assert (await client.get("/api/log?limit=0")).status == 200
