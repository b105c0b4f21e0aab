"""Embeddings of texts, from the last layer of a model's encoder."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

from auditor.errors import NoAnswerError
from auditor.models import adapters
from auditor.models.rows import Filling
from auditor.types import FloatArray


def tells_states(model: Any) -> bool:
    """Return whether the model's forward pass can be asked for its layers."""
    named = inspect.signature(adapters.plain(model).forward).parameters
    return "output_hidden_states" in named or any(each.kind is each.VAR_KEYWORD for each in named.values())


def states_of(output: Any, lengths: Sequence[int], filling: Filling, virtual: int, name: str) -> list[Any] | None:
    """Return each row's own tokens in the last layer.

    They are in float32 on the CPU. ``lengths``: tokens of each row without padding. ``virtual``: tokens that an adapter
    may have put before the text. Returns None where the output lacks that layer, or the layer has fewer positions than
    the text. Raises NoAnswerError for numbers that are not finite.
    """
    import torch

    states = getattr(output, "encoder_last_hidden_state", None)
    if states is None:
        layers = getattr(output, "hidden_states", None)
        states = layers[-1] if layers else None
    longest = max(lengths)
    if states is None or states.ndim != 3 or len(states) != len(lengths) or states.shape[1] < longest:
        return None
    # Prompts add positions to every layer, prefixes to none; padding of an architecture's own comes after the text.
    before = virtual if states.shape[1] - longest >= virtual else 0
    states = states[:, before : before + longest].float().cpu()
    begins = [longest - length if filling.left else 0 for length in lengths]
    own = [row[begin : begin + length] for row, begin, length in zip(states, begins, lengths, strict=True)]
    if not all(bool(torch.isfinite(tokens).all()) for tokens in own):
        raise NoAnswerError("has an embedding that is not finite", where=name, hint="are its weights sound?")
    return own


def means(states: Sequence[Any], windows: Sequence[int]) -> FloatArray:
    """Return the mean over the tokens of each text.

    ``windows``: how many of ``states`` each text has, several if it is long. A text that has none is a row of NaN.
    """
    import numpy as np

    width = states[0].shape[1] if states else 0
    embedded = np.full((len(windows), width), np.nan)
    every = iter(states)
    for place, count in enumerate(windows):
        tokens = [next(every).double().numpy() for _ in range(count)]
        if tokens:
            embedded[place] = np.concatenate(tokens).mean(axis=0)
    return embedded
