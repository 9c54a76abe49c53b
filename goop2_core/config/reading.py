"""From the bytes of a `goop.json` to a checked `Config`, with everything that is wrong said at once.

Reads what REF reads (spec/network 1.5): a byte order mark is skipped, keys match whatever their case, `null` is the
default, unknown keys do no harm. Types are strict: no text for a number.
"""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass, field
from typing import Any, NoReturn

from pydantic import ValidationError

from goop2_core.config.rules import LONGEST_QUOTE, broken_rules, doubts, said
from goop2_core.config.schema import KEYS, SECTIONS, Config, marks
from goop2_core.errors import Problem

LARGEST_FILE = 1 << 20
_MOST_WARNINGS = 50
_DEEPEST = 200  # writing it again needs some stack for each level
_TOO_DEEP = "is not usable: it is nested too deeply"
_BOM = b"\xef\xbb\xbf"
_TYPES = {
    "string_type": "must be text in quotes",
    "string_unicode": "must be text that is valid Unicode",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "bool_type": "must be true or false",
    "tuple_type": "must be a list in [ ]",
}
_KINDS = {str: "text", bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "an object"}


@dataclass(frozen=True, slots=True)
class Reading:
    """What a file says. `config` is `None` if there are `problems`; `document` is the JSON object as it was."""

    document: dict[str, Any] = field(repr=False, default_factory=dict)
    config: Config | None = None
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()


def read_document(data: bytes) -> Reading:
    """Read and check the bytes of a `goop.json`. Never raises."""
    try:
        document = parse_json(data)
    except ValueError as error:
        return Reading(problems=(Problem("goop.json", str(error), "goop2 left the file as it is"),))
    return check_document(document)


def parse_json(data: bytes) -> dict[str, Any]:
    """The JSON object in `data`. Raises `ValueError` with words that follow the file's name."""
    if len(data) > LARGEST_FILE:
        raise ValueError(f"is larger than {LARGEST_FILE >> 20} MiB")
    try:
        text = data.removeprefix(_BOM).decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"is not UTF-8 text: byte {error.start + 1} is wrong") from None
    try:
        document = json.loads(text, parse_constant=_no_constant, parse_float=_finite)
    except json.JSONDecodeError as error:
        raise ValueError(f"is not valid JSON: line {error.lineno}, column {error.colno}: {error.msg}") from None
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    except ValueError as error:
        raise ValueError(f"is not valid JSON: {error}") from None
    if not isinstance(document, dict):
        raise ValueError(f"must be an object in {{ }}, not {_kind(document)}")  # noqa: TRY004 (the caller has words for it)
    if _deeper_than(document, _DEEPEST):
        raise ValueError(_TOO_DEEP)
    return document


def check_document(document: dict[str, Any]) -> Reading:
    """Check a parsed `goop.json` as a whole."""
    problems: list[Problem] = []
    warnings: list[Problem] = []
    values: dict[str, Any] = {}
    given: dict[str, Any] = {}
    for name, model in SECTIONS.items():
        section = {key: value for key, value in _section(document, name, problems).items() if value is not None}
        _warn_unknown(section, list(model.model_fields), f"{name}.", warnings)
        known = {key: value for key in model.model_fields if (value := _match(section, key)) is not None}
        try:
            values[name] = model.model_validate(known)
        except ValidationError as error:
            kinds = {str(details["loc"][0]): details["type"] for details in error.errors(include_url=False)}
            for key, kind in kinds.items():
                problems.append(_type_problem(f"{name}.{key}", kind, known.get(key)))
                known.pop(key, None)
            values[name] = model.model_validate(known)
        given.update({f"{name}.{key}": value for key, value in known.items()})
    _warn_unknown(document, list(SECTIONS), "", warnings)
    config = Config(**values)
    wrong = {problem.key for problem in problems}
    problems += broken_rules(config, wrong)
    warnings += _read_otherwise(config, given) + doubts(config, wrong)
    return Reading(document, None if problems else config, tuple(problems), tuple(warnings[:_MOST_WARNINGS]))


def spellings(section: dict[str, Any], key: str) -> list[str]:
    """The names in `section` that a decoder as lenient as REF's takes for `key`, the exact one first."""
    found = [name for name in section if name.lower() == key and name != key]
    return [key, *found] if key in section else found


def _match(section: dict[str, Any], key: str) -> Any:
    return next((section[name] for name in spellings(section, key)), None)


def _section(document: dict[str, Any], name: str, problems: list[Problem]) -> dict[str, Any]:
    section = _match(document, name)
    if section is None or isinstance(section, dict):
        return section or {}
    problems.append(Problem(name, f"must be an object in {{ }}, not {_kind(section)}"))
    return {}


def _type_problem(key: str, kind: str, value: Any) -> Problem:
    message = _TYPES.get(kind, "is not valid")
    if isinstance(value, list) and kind in {"string_type", "string_unicode"} and key == "viewer.trusted_proxies":
        return Problem(key, "must be a list of texts in quotes")
    shown = "" if marks(key)["secret"] or kind == "string_unicode" else f", not {_kind(value)}"
    if shown and isinstance(value, str | int | float) and not isinstance(value, bool):
        shown += f" ({said(value)})"
    return Problem(key, message + shown, _retyped(kind, value))


def _retyped(kind: str, value: Any) -> str:
    """The value as it was probably meant."""
    if kind == "int_type" and isinstance(value, str) and value.strip().isascii() and value.strip().isdigit():
        return f"write {said(int(value.strip()[:20]))} without quotes"
    if kind == "int_type" and isinstance(value, float) and value.is_integer():
        return f"write {said(int(value))}"
    if kind == "bool_type" and str(value).lower() in {"true", "yes", "on", "1"}:
        return "write true without quotes"
    if kind == "bool_type" and str(value).lower() in {"false", "no", "off", "0"}:
        return "write false without quotes"
    if kind == "tuple_type" and isinstance(value, str):
        return f"write [{json.dumps(value[:60])}]"
    return ""


def _read_otherwise(config: Config, given: dict[str, Any]) -> list[Problem]:
    """A warning for each value that is not used as it stands."""
    found = []
    for key, value in given.items():
        used, marked = config.value(key), marks(key)
        if (list(used) if isinstance(used, tuple) else used) == value:
            continue
        wanted = ", ".join(marked["choices"]) or (
            f"from {marked['least']} to {marked['most']}" if marked["most"] else ""
        )
        wanted = wanted and f"must be {'one of ' if marked['choices'] else ''}{wanted}"
        found.append(Problem(key, f"{said(value)} is read as {said(used)}", wanted or "one line, and not so long"))
    return found


def _warn_unknown(section: dict[str, Any], known: list[str], prefix: str, warnings: list[Problem]) -> None:
    """Name the keys that nothing here knows; they stay in the file."""
    for key in section:
        if len(warnings) >= _MOST_WARNINGS:
            return
        if key.lower() not in known and not key.startswith(("_", "//", "#", "$")):
            shown = prefix + (key if key.isprintable() and len(key) <= LONGEST_QUOTE else said(key))
            warnings.append(
                Problem(shown, "is unknown and has no effect", _did_you_mean(key[:LONGEST_QUOTE], known, prefix))
            )


def _did_you_mean(key: str, known: list[str], prefix: str) -> str:
    near = difflib.get_close_matches(key.lower(), known, 1, 0.7)
    if near:
        return f"did you mean {prefix}{near[0]}?"
    elsewhere = [full for full in KEYS if full.partition(".")[2] == key.lower()]
    return f"did you mean {elsewhere[0]}?" if elsewhere else ""


def _deeper_than(value: Any, most: int) -> bool:
    level = [value]
    for _ in range(most):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True


def _kind(value: Any) -> str:
    return "null" if value is None else _KINDS.get(type(value), "something else")


def _finite(text: str) -> float:
    number = float(text)
    if number in {float("inf"), float("-inf")}:
        raise ValueError(f"the number {text[:32]} is too large")
    return number


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number in JSON")
