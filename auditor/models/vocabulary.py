"""Words that are one token of a model, and their nearest neighbours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

MOST = 1_000_000
"""Entries beyond which a vocabulary is that of characters, not of words."""


def whole_words(tokenizer: Any) -> dict[str, int]:
    """Return word → id of each word that is one token.

    Words consist of letters and digits. Pieces of words, special tokens and marks are left out.
    """
    if len(tokenizer) > MOST:
        return {}
    special = set(tokenizer.all_special_ids)
    decoded: dict[str, int] = {}
    for number in sorted(set(tokenizer.get_vocab().values()) - special):
        word = tokenizer.decode([number]).strip()
        if word.isalnum():
            decoded.setdefault(word, number)
    if not decoded:
        return {}
    before = _tokens(tokenizer, ["a"])[0]
    told = zip(decoded.items(), _tokens(tokenizer, [f"a {word}" for word in decoded]), strict=True)
    return {word: number for (word, number), tokens in told if tokens == [*before, number]}


def _tokens(tokenizer: Any, texts: Sequence[str]) -> list[list[int]]:
    return [list(ids) for ids in tokenizer(list(texts), add_special_tokens=False, verbose=False)["input_ids"]]


def nearest(weights: Any, vocabulary: Mapping[str, int], words: Sequence[str], n: int) -> list[tuple[str, ...]]:
    """Return the n nearest other words of each word, nearest first.

    Their embeddings have the smallest angles to its own. Other spellings of a word in capitals or small letters are not
    others. A word that the vocabulary lacks has none. ``weights``: the embeddings, a row for each id.
    """
    import torch

    every = [word for word, number in vocabulary.items() if number < len(weights)]
    rows = weights.detach().float().cpu()[[vocabulary[word] for word in every]]
    directions = torch.nn.functional.normalize(rows, dim=1)
    places = {word: place for place, word in enumerate(every)}

    def others(word: str) -> Iterator[str]:
        likeness = directions @ directions[places[word]]
        for place in torch.argsort(likeness, descending=True, stable=True).tolist():
            if every[place].casefold() != word.casefold():
                yield every[place]

    return [tuple(islice(others(word), n)) if word in places else () for word in words]
