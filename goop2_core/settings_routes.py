"""The settings page's data: every key of `goop.json` with its words, and changes to them."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable
from typing import Any

from aiohttp import web
from pydantic import BaseModel, ConfigDict

from goop2_core.config import ConfigFile, FieldInfo, describe
from goop2_core.errors import ConfigError, Problem
from goop2_core.events import SettingsChanged
from goop2_core.web import json_body, reply


class _Changes(BaseModel):
    """The body of a POST: new values by key; `null` is the default."""

    model_config = ConfigDict(extra="forbid")
    changes: dict[str, bool | int | str | list[str] | None]


def routes(file: ConfigFile, changed: Callable[[SettingsChanged], None]) -> list[web.RouteDef]:
    """`GET /api/settings` and `POST /api/settings`; `changed` is called, on the loop, after each change."""

    async def show(_request: web.Request) -> web.Response:
        return reply(settings(file))

    async def change(request: web.Request) -> web.Response:
        body = await json_body(request, _Changes)
        _refuse_unused(body.changes)
        event = await asyncio.to_thread(file.update, body.changes)
        if event.keys:
            changed(event)
        return reply(event)

    return [web.get("/api/settings", show), web.post("/api/settings", change)]


def settings(file: ConfigFile) -> dict[str, Any]:
    """What the page shows. Of a secret only whether it is set."""
    sections = [
        {
            "key": section.key,
            "title": section.title,
            "help": section.help,
            "fields": [_field(file, field) for field in section.fields],
        }
        for section in describe()
    ]
    return {
        "sections": sections,
        "warnings": file.warnings,
        "path": str(file.path),
        "restart_needed": file.restart_needed,
    }


def _field(file: ConfigFile, field: FieldInfo) -> dict[str, Any]:
    shown = {name: value for name, value in dataclasses.asdict(field).items() if value is not None}
    value = file.config.value(field.key)
    if field.secret:
        return {**shown, "value": "", "set": bool(value)}
    return {**shown, "value": value}


def _refuse_unused(changes: dict[str, Any]) -> None:
    """An option without effect is not offered, and so not taken."""
    unused = {field.key for section in describe() for field in section.fields if not field.used}
    problems = [Problem(key, "has no effect in this version of goop2") for key in changes if key in unused]
    if problems:
        raise ConfigError("These settings cannot be used", problems, "Nothing was changed.")
