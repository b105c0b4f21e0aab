"""Text from data for other programs: one line, bounded, visible."""

from __future__ import annotations

import json
from collections.abc import Mapping

from reports.formats import visible

LONGEST = 1_000
"""Characters that are kept of a text."""
_BREAKS = str.maketrans({"\t": "⟨U+0009⟩", "\n": "⟨U+000A⟩"})
FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "|", "%")
"""What a cell that spreadsheet programs may compute begins with; tabs and line breaks are spelled out."""
_MARKDOWN = str.maketrans({character: f"\\{character}" for character in "\\`*_[]<>&|~#@$"})


def plain(text: str) -> str:
    """Return a text in one line, without invisible characters, cut to ``LONGEST``.

    What is spelled out leaves only characters that XML 1.0, JSON and UTF-8 can hold.
    """
    rest = len(text) - LONGEST
    kept = text if rest <= 0 else f"{text[:LONGEST]} … {rest:,} characters left out"
    return visible(kept).translate(_BREAKS)


def markdown(text: str) -> str:
    """Return a text that Markdown shows as it is.

    Also in a cell of a table. Nothing in it becomes a link, an image, markup, a mention, or a command to a CI runner.
    """
    escaped = plain(text).translate(_MARKDOWN)
    return escaped.replace("::", "\\:\\:").replace("://", "\\://").replace("www.", "www\\.")


def cell(text: str) -> str:
    """Return a text that no spreadsheet program computes."""
    shown = plain(text)
    return f"'{shown}" if shown.lstrip(" ").startswith(FORMULA) else shown


def slice_key(slice_: Mapping[str, str]) -> str:
    """Return a slice as JSON with sorted keys."""
    shown = {plain(key): plain(str(value)) for key, value in slice_.items()}
    return json.dumps(shown, ensure_ascii=False, sort_keys=True)


def json_text(content: object) -> str:
    """Return JSON in ASCII, indented, without what a CI runner obeys."""
    text = json.dumps(content, ensure_ascii=True, indent=2, allow_nan=False) + "\n"
    return text.replace("##[", "#\\u0023[")
