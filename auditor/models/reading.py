"""JSON files of a checkpoint, read within bounds: what nests too deeply or has endless numbers is refused in one line."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from auditor.errors import ModelError
from auditor.reading import DOCUMENT, read_file

MAX_DEPTH = 60
"""Of nested lists and objects; configurations have fewer than ten, and libraries copy them recursively."""
MAX_DIGITS = 40
"""Of an integer; transformers writes a tokenizer without a greatest length as one of 31 digits."""


def read_json(file: Path) -> dict[str, Any]:
    """The object in a file. Raises ModelError for one that cannot be read, or whose values no library can take."""
    try:
        content = json.loads(read_file(file, ModelError, limit=DOCUMENT).decode("utf-8"), parse_int=_integer)
    except RecursionError:
        raise ModelError("nests too deeply", where=str(file)) from None
    except ValueError as error:
        raise ModelError(f"cannot be read: {error}", where=str(file)) from None
    if not isinstance(content, dict):
        raise ModelError("is not a JSON object", where=str(file))
    if _deeper_than(content, MAX_DEPTH):
        raise ModelError(f"nests too deeply: more than {MAX_DEPTH} levels", where=str(file))
    return content


def _integer(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise ValueError(f"an integer of {len(digits):,} digits")
    return int(digits)


def _deeper_than(value: Any, depth: int) -> bool:
    level: list[Any] = [value]
    for _ in range(depth):
        level = [inner for outer in level for inner in _members(outer) if isinstance(inner, dict | list)]
        if not level:
            return False
    return True


def _members(value: Any) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value
