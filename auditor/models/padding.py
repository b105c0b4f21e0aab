"""How a model's rows are padded: by which token, and whether it is told where the padding is."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from auditor.models import adapters
from auditor.models.rows import Filling


def filling(model: Any, tokenizer: Any) -> Filling:
    """What the rows of a model are filled with, after the text.

    The padding token is the model's own where its configuration names one, since heads that answer from a text's last
    token look for it; else the tokenizer's, else the end of a text.
    """
    pieces = vocabulary_of(model)
    ids = (_named(model), tokenizer.pad_token_id, tokenizer.eos_token_id, tokenizer.unk_token_id, 0)
    token = next(one for one in ids if _is_id(one, pieces))
    return Filling(
        token,
        int(getattr(tokenizer, "pad_token_type_id", 0) or 0),
        mask=takes(model, "attention_mask"),
        types=takes(model, "token_type_ids"),
    )


def takes(model: Any, name: str) -> bool:
    """Whether the model's forward pass has an argument of this name."""
    named = inspect.signature(adapters.plain(model).forward).parameters
    return name in named or ("input_ids" not in named and any(one.kind is one.VAR_KEYWORD for one in named.values()))


def embedding_table(model: Any) -> Any | None:
    """The module that makes embeddings of token ids; None where there is none (CANINE hashes characters)."""
    try:
        return model.get_input_embeddings()
    except NotImplementedError:
        return None


def vocabulary_of(model: Any) -> int | None:
    """How many token ids the model embeds; None where it has no table of them."""
    return getattr(embedding_table(model), "num_embeddings", None)


def names_padding(model: Any) -> bool:
    """Whether the model's configuration names a padding token."""
    return _is_id(_named(model), vocabulary_of(model))


@contextmanager
def named_padding(model: Any, token: int) -> Iterator[None]:
    """Inside, the model's configuration names the padding token: heads that look for it refuse several texts otherwise."""
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
