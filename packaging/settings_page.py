"""Writes resources/docs/settings.md from the settings themselves, so that the guide never differs from the program."""

from __future__ import annotations

import json
from pathlib import Path

from goop2_core.config import FieldInfo, describe

PAGE = Path(__file__).resolve().parents[1] / "resources" / "docs" / "settings.md"
HEAD = """# Settings

A peer's settings are in `goop.json` in its directory. The page **Settings** changes them; `goop2 peer DIR --check`
checks the file and explains each. Keys that goop2 does not know stay in the file. A file that cannot be used is never
overwritten: goop2 says everything that is wrong with it at once.

*Live* settings take effect at once, the others at the next start. What is not used by this version is read, checked and
kept, for other programs that share the directory.

This page is made from the program: `python packaging/settings_page.py`.
"""


def row(field: FieldInfo) -> str:
    """One line of a table."""
    default = "" if field.secret else f"`{json.dumps(field.default)}`"
    return f"| `{field.key}` | {field.help.replace('|', '/')} | {default} | {'yes' if field.live else ''} |"


def page() -> str:
    """The whole page."""
    parts = [HEAD]
    unused: list[FieldInfo] = []
    for section in describe():
        used = [field for field in section.fields if field.used]
        unused += [field for field in section.fields if not field.used]
        if used:
            lines = [row(field) for field in used]
            parts.append(
                f"## {section.title}\n\n| key | what it does | default | live |\n|---|---|---|---|\n"
                + "\n".join(lines)
                + "\n"
            )
    kept = "\n".join(f"- `{field.key}`: {field.help}" for field in unused)
    parts.append(f"## Not used by this version\n\n{kept}\n")
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
