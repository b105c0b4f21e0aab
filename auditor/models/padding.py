"""Padding of a model's rows: the token, and the attention mask."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from auditor.models import adapters
from auditor.models.rows import Filling


def filling(model: Any, tokenizer: Any) -> Filling:
    """Return the filling for a model's rows, after the text.

    The padding token is the model's own if its configuration names one, because heads that answer from a text's last
    token look for it; otherwise it is the tokenizer's, and otherwise the end-of-text token.
    """
    pieces = vocabulary_of(model)
    ids = (_named(model), tokenizer.pad_token_id, tokenizer.eos_token_id, tokenizer.unk_token_id, 0)
    token = next(token_id for token_id in ids if _is_id(token_id, pieces))
    return Filling(
        token,
        int(getattr(tokenizer, "pad_token_type_id", 0) or 0),
        mask=takes(model, "attention_mask"),
        types=takes(model, "token_type_ids"),
    )


def takes(model: Any, name: str) -> bool:
    """Return whether the model's forward pass has an argument of this name."""
    named = inspect.signature(adapters.plain(model).forward).parameters
    return name in named or (
        "input_ids" not in named and any(parameter.kind is parameter.VAR_KEYWORD for parameter in named.values())
    )


def embedding_table(model: Any) -> Any | None:
    """Return the module that embeds token ids.

    Returns None if there is none (CANINE hashes characters).
    """
    try:
        return model.get_input_embeddings()
    except NotImplementedError:
        return None


def vocabulary_of(model: Any) -> int | None:
    """Return the number of token ids that the model embeds.

    Returns None if the model has no embedding table.
    """
    return getattr(embedding_table(model), "num_embeddings", None)


def names_padding(model: Any) -> bool:
    """Return whether the model's configuration names a padding token."""
    return _is_id(_named(model), vocabulary_of(model))


@contextmanager
def named_padding(model: Any, token: int) -> Iterator[None]:
    """Name the padding token in the model's configuration for a while.

    Heads that look for the token refuse batches of several texts otherwise.
    """
    config = _text_config(model)
    before = _named(model)
    config.pad_token_id = token
    try:
        yield
    finally:
        config.pad_token_id = before


def _text_config(model: Any) -> Any:
    return adapters.plain(model).config.get_text_config()


def _named(model: Any) -> Any:
    return getattr(_text_config(model), "pad_token_id", None)


def _is_id(value: Any, pieces: int | None) -> bool:
    return isinstance(value, int) and 0 <= value < (pieces or value + 1)
