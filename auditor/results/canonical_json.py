"""The one JSON representation of values in the results."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

DIGITS = 9
"""Decimals of numbers in results.json; verdicts are computed from examples.parquet, which keeps all digits."""


def plain(value: Any) -> Any:
    """Convert a value to what JSON can hold.

    Sequences become lists, sets sorted lists, paths POSIX strings, and infinite numbers null. Floats are rounded to
    ``DIGITS`` decimals. Raises ValueError on NaN, which is a bug and never a result, and TypeError on any other type;
    convert dataclasses with ``asdict`` first.
    """
    if isinstance(value, bool) or value is None or isinstance(value, str | int):
        return value
    if isinstance(value, float):
        if math.isnan(value):
            raise ValueError("NaN in the results")
        return None if math.isinf(value) else round(value, DIGITS)
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, frozenset | set):
        return sorted(plain(inner) for inner in value)
    if isinstance(value, Sequence):
        return [plain(inner) for inner in value]
    if isinstance(value, Path):
        return value.as_posix()
    raise TypeError(f"{type(value).__name__} cannot be written to the results")


def slice_text(value: Mapping[str, Any]) -> str:
    """Return a mapping as JSON with sorted keys.

    The tables name a slice this way.
    """
    return json.dumps(plain(value), ensure_ascii=False, sort_keys=True)
