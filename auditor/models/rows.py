"""Rows of token ids, and their padding to tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

Row: TypeAlias = Mapping[str, Sequence[int]]
"""``input_ids``, and ``token_type_ids`` if the model has them."""


@dataclass(frozen=True, slots=True)
class Filling:
    """Values that shorter rows are padded with."""

    token: int
    """The id of the padding token."""
    token_type: int = 0
    left: bool = False
    """Whether the padding stands before the text instead of after it."""
    mask: bool = True
    """Whether the model takes an attention mask."""
    types: bool = True
    """Whether the model takes token types."""

    def padded(self, rows: Sequence[Row], length: int = 0) -> dict[str, Any]:
        """Return the rows as int64 tensors, padded to the longest.

        Their shape is (rows, tokens of the longest row), or of ``length`` if that is more. They include an attention
        mask if the model takes one.
        """
        import torch

        longest = max(length, *(len(row["input_ids"]) for row in rows))
        masks = [[1] * len(row["input_ids"]) for row in rows]
        columns: dict[str, list[list[int]]] = {
            "input_ids": [self.filled(row["input_ids"], longest, self.token) for row in rows]
        }
        if self.types and rows[0].get("token_type_ids"):
            columns["token_type_ids"] = [self.filled(row["token_type_ids"], longest, self.token_type) for row in rows]
        if self.mask:
            columns["attention_mask"] = [self.filled(row, longest, 0) for row in masks]
        return {name: torch.tensor(values, dtype=torch.int64) for name, values in columns.items()}

    def filled(self, values: Sequence[int], length: int, value: int) -> list[int]:
        """Return the values of one row, padded to ``length``."""
        more = [value] * (length - len(values))
        return [*more, *values] if self.left else [*values, *more]
