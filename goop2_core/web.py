"""What all routes share: JSON bodies in, JSON answers out, and errors in a person's words."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from aiohttp import web
from pydantic import BaseModel, ValidationError

from goop2_core.errors import ConfigError, Goop2Error, NetworkError, Refused

log = logging.getLogger("goop2.web")

Body = TypeVar("Body", bound=BaseModel)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

BODY_SECONDS = 20.0
_MOST_DIGITS = 18
_BAD_REQUEST = 400
_UNPROCESSABLE = 422
_BAD_GATEWAY = 502
_INTERNAL = 500


async def body_bytes(request: web.Request, most: int) -> bytes:
    """The request's body, for bodies that are small.

    Raises `Refused`: 413 as soon as it is known to be longer than `most` bytes, 408 if it takes longer than
    `BODY_SECONDS` (aiohttp itself waits for ever, also behind a malformed chunk).
    """
    too_large = Refused("The request is too large", f"At most {most} bytes are accepted.", status=413)
    if (request.content_length or 0) > most:
        raise too_large
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for part in request.content.iter_any():
                size += len(part)
                if size > most:
                    raise too_large
                parts.append(part)
    except TimeoutError:
        raise Refused("The request took too long", f"It must arrive within {BODY_SECONDS:g} s.", status=408) from None
    return b"".join(parts)


async def json_body(request: web.Request, model: type[Body], most: int = 1 << 20) -> Body:
    """The request's JSON body as a `model`.

    Raises `Refused`: 415 if it is not declared as JSON, 413 past `most` bytes, 400 naming every field that is wrong.
    """
    if request.content_type != "application/json":
        raise Refused("The request cannot be used", "Its Content-Type must be application/json.", status=415)
    data = await body_bytes(request, most)
    try:
        return model.model_validate_json(data)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False, include_input=False)
        words = [f"{'.'.join(str(part) for part in p['loc']) or 'body'}: {p['msg']}" for p in problems[:8]]
        raise Refused("The request cannot be used", "; ".join(words)[:1000], status=_BAD_REQUEST) from None


def number_in_query(request: web.Request, name: str, default: int = 0) -> int:
    """A whole number, not negative, of the query; `default` if it is missing. Raises `Refused` (400) for others."""
    text = request.query.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        raise Refused("The request cannot be used", f"{name} must be a number.", status=_BAD_REQUEST)
    return int(text)


def reply(data: Any, *, status: int = 200) -> web.Response:
    """`data` as a JSON answer. Dataclasses, pydantic models, tuples and enums of strings may be in it."""
    return web.Response(
        body=json.dumps(data, ensure_ascii=False, default=_plain).encode("utf-8", "replace"),
        status=status,
        content_type="application/json",
        headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"},
    )


def error_reply(error: Goop2Error) -> web.Response:
    """The answer that tells of `error`: `{"error": {title, message, hint}}`, for a `ConfigError` with `problems`."""
    body: dict[str, Any] = {"title": error.title, "message": error.message, "hint": error.hint}
    if isinstance(error, ConfigError):
        body["problems"] = error.problems
    return reply({"error": body}, status=_status(error))


def _status(error: Goop2Error) -> int:
    if isinstance(error, Refused):
        return error.status
    if isinstance(error, ConfigError):
        return _UNPROCESSABLE
    return _BAD_GATEWAY if isinstance(error, NetworkError) else _INTERNAL


@web.middleware
async def error_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn what a handler raises into an answer in JSON; what is a bug is logged, and answered without its words.

    An answer that has begun is cut off instead: a client must see that it did not get the whole.
    """
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < _BAD_REQUEST:
            raise
        answer = error_reply(Refused(error.reason, status=error.status))
        if "Allow" in error.headers:
            answer.headers["Allow"] = error.headers["Allow"]
    except Goop2Error as error:
        answer = error_reply(error)
    except web.RequestPayloadError as error:
        answer = error_reply(Refused("The request cannot be used", str(error)[:200], status=_BAD_REQUEST))
    except ConnectionError:  # the client went away; aiohttp would log that as a failure of ours
        return _cut_off(request)
    except Exception:
        log.exception("%s %s failed", request.method, request.path)
        answer = error_reply(Goop2Error("Something went wrong in goop2", "", "The log says more."))
    return _cut_off(request) if request.writer.output_size > 0 else answer


def _cut_off(request: web.Request) -> web.Response:
    """End the connection at once. aiohttp wants an answer nevertheless, which then goes nowhere."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=_INTERNAL)


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if isinstance(value, BaseModel):
        return value.model_dump()
    raise TypeError(f"{type(value).__name__} cannot be sent as JSON")
