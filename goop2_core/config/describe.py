"""The settings in words: data for the settings page, and the text of `goop2 peer DIR --check`."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from goop2_core.config.rules import said
from goop2_core.config.schema import SECTIONS, Config, marks
from goop2_core.errors import Problem

Kind = Literal["string", "integer", "boolean", "choice", "list"]


@dataclass(frozen=True, slots=True)
class FieldInfo:
    """One key. `live`: takes effect at once; `used`: this version acts on it; `secret`: never shown."""

    key: str
    title: str
    help: str
    type: Kind
    choices: tuple[str, ...]
    min: int | None
    max: int | None
    default: str | int | bool | tuple[str, ...]
    live: bool
    used: bool
    secret: bool
    advanced: bool


@dataclass(frozen=True, slots=True)
class SectionInfo:
    """One part of `goop.json` with its keys, in the order in which they are shown."""

    key: str
    title: str
    help: str
    fields: tuple[FieldInfo, ...]


@cache
def describe() -> tuple[SectionInfo, ...]:
    """All settings there are."""
    return tuple(
        SectionInfo(
            name,
            Config.model_fields[name].title or name,
            (model.__doc__ or "").strip(),
            tuple(_field(name, key) for key in model.model_fields),
        )
        for name, model in SECTIONS.items()
    )


def _field(section: str, name: str) -> FieldInfo:
    field = SECTIONS[section].model_fields[name]
    marked = marks(f"{section}.{name}")
    return FieldInfo(
        key=f"{section}.{name}",
        title=field.title or name,
        help=field.description or "",
        type=_kind(field.default, bool(marked["choices"])),
        choices=tuple(marked["choices"]),
        min=marked["least"],
        max=marked["most"],
        default=field.default,
        live=marked["live"],
        used=marked["used"],
        secret=marked["secret"],
        advanced=marked["advanced"],
    )


def _kind(default: Any, choices: bool) -> Kind:
    if choices:
        return "choice"
    kinds: dict[type, Kind] = {bool: "boolean", int: "integer", str: "string", tuple: "list"}
    return kinds[type(default)]


def explain(config: Config, warnings: Iterable[Problem] = ()) -> str:
    """What a configuration means, for reading on a terminal; secrets are not in it.

    Keys that this version does not act on are listed only if they are set.
    """
    lines: list[str] = []
    for section in describe():
        shown = [field for field in section.fields if field.used or config.value(field.key) != field.default]
        if shown:
            lines += ["", f"{section.title}: {section.help}"]
        for field in shown:
            lines += _explain_field(field, config.value(field.key))
    if notes := [f"  {w.key}: {w.message}" + (f" ({w.suggestion})" if w.suggestion else "") for w in warnings]:
        lines += ["", "Warnings", *notes]
    return "\n".join(lines).strip() + "\n"


def _explain_field(field: FieldInfo, value: Any) -> list[str]:
    origin = " (default)" if value == field.default else ""
    words = field.help if field.used else f"{field.help} Not used by this version."
    indent = " " * 6
    return [
        f"  {field.key} = {_explain_value(field, value)}{origin}",
        *textwrap.wrap(words, 100, initial_indent=indent, subsequent_indent=indent),
    ]


def _explain_value(field: FieldInfo, value: Any) -> str:
    if field.secret:
        return "set, not shown" if value else "not set"
    if isinstance(value, tuple):
        return ", ".join(value) or "none"
    return str(value).lower() if isinstance(value, bool) else said(value)
