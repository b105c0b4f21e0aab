"""One JSON spelling of values."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

DIGITS = 9
"""Decimals kept of a number in results.json; verdicts are computed from examples.parquet, which keeps all."""


def plain(value: Any) -> Any:
    """A value as JSON knows it: dataclasses as objects, tuples as lists, infinite numbers as null; no NaN.

    Raises ValueError on NaN: a number that is not one is a bug, never a result.
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
    """A mapping as JSON with sorted keys: how the tables name a slice."""
    return json.dumps(plain(value), ensure_ascii=False, sort_keys=True)


def relative(path: Path, start: Path) -> str:
    """A path as the results name it: relative to the folder that holds the results folder."""
    return Path(os.path.relpath(path.resolve(), start.resolve())).as_posix()
