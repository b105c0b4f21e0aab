"""What the model reads of an example's texts.

The rest is neither made noisy nor attacked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from auditor import text
from auditor.types import Audit, Example

Parts: TypeAlias = Mapping[str, tuple[int, int]]
"""Text field → start and end of the part that is read."""


def parts_read(audit: Audit, examples: Sequence[Example]) -> dict[str, Parts]:
    """Example's id → its parts."""
    if not examples:
        return {}
    parts: dict[str, Parts] = {}
    for example, encoded in zip(examples, audit.encode([example.inputs for example in examples]), strict=True):
        if encoded.truncated:
            parts[example.id] = {name: _part(audit, example, name, encoded.key) for name in audit.task.fields}
        else:
            parts[example.id] = _whole(example, audit.task.fields)
    return parts


def _whole(example: Example, fields: Iterable[str]) -> Parts:
    return {name: (0, len(example.inputs[name])) for name in fields}


def _part(audit: Audit, example: Example, name: str, key: str) -> tuple[int, int]:
    def same(part: str) -> bool:
        (encoded,) = audit.encode([{**example.inputs, name: part}])
        return encoded.key == key

    return text.part_read(example.inputs[name], same)
