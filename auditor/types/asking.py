"""Ways to ask a model about the same text once more."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

Asked: TypeAlias = Literal["again", "alone", "in company", "padded", "reloaded"]
"""again: in the same batch, once more. alone: in a batch of its own. in company: beside longer and shorter texts.
padded: alone, padded as ``padding="max_length"`` does. reloaded: as again, by the checkpoint loaded again."""
ASKED: tuple[Asked, ...] = get_args(Asked)
