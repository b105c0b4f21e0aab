"""Words → token ids and back to words: of each word its first piece answers, and long texts are read in windows.

Windows overlap by a quarter; a word is answered in the window in which its first piece has the most context to both sides.
Nothing is cut.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from auditor.errors import ModelError
from auditor.models.heads.sequence import CHUNK
from auditor.models.padding import Filling, Row
from auditor.types import Encoded, Request, Response

OVERLAP = 4
"""A window shares 1/OVERLAP of its tokens with the next."""


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a text that the model reads at once."""

    ids: tuple[int, ...]
    types: tuple[int, ...]
    """Empty where the model has none."""
    words: tuple[tuple[int, int], ...]
    """(word, position of its first piece) of the words that it answers for."""


def windows(tokenizer: Any, requests: Sequence[Request], max_length: int) -> list[list[Window]]:
    """The windows of each text, a tuple of words; ``max_length``: tokens of a window, special ones included."""
    special = tokenizer.num_special_tokens_to_add()
    found = tokenizer(
        [list(words) for words in requests],
        is_split_into_words=True,
        truncation=True,
        max_length=max_length,
        stride=max((max_length - special) // OVERLAP, 0),
        return_overflowing_tokens=True,
    )
    texts: list[list[tuple[list[int], list[int], list[int | None]]]] = [[] for _ in requests]
    types = found.get("token_type_ids") or [[]] * len(found["input_ids"])
    for index, text in enumerate(found["overflow_to_sample_mapping"]):
        texts[text].append((found["input_ids"][index], types[index], found.word_ids(index)))
    return [_shared_out(parts) for parts in texts]


def _shared_out(parts: Sequence[tuple[list[int], list[int], list[int | None]]]) -> list[Window]:
    """Each word to the window in which its first piece is farthest from both ends; of equals to the earlier one."""
    best: dict[int, tuple[int, int, int]] = {}
    for index, (_, _, words) in enumerate(parts):
        for position, word in enumerate(words):
            # A window may begin in the middle of a word, whose first piece it then does not have.
            begins = word is not None and (position == 0 or words[position - 1] != word)
            if word is None or not begins or (index and word in best and position == _first(words)):
                continue
            room = min(position, len(words) - 1 - position)
            if word not in best or room > best[word][0]:
                best[word] = room, index, position
    every = [
        Window(
            tuple(ids),
            tuple(types),
            tuple((word, place) for word, (_, window, place) in sorted(best.items()) if window == index),
        )
        for index, (ids, types, _) in enumerate(parts)
    ]
    # One in the middle of a very long word has nothing to answer for.
    return [window for window in every if window.words] or every[:1]


def _first(words: Sequence[int | None]) -> int:
    return next(index for index, word in enumerate(words) if word is not None)


class WordTexts:
    """A tokenizer with the limits of a model that answers for every word."""

    plain: Request = ("A", "film")
    """What any model answers."""

    def __init__(
        self, tokenizer: Any, *, name: str, max_length: int, pieces: int | None, labels: Sequence[str]
    ) -> None:
        """As ``Texts``; ``labels``: the model's, of which ``O`` is that of a word that the tokenizer makes nothing of."""
        self.tokenizer = tokenizer
        self._name, self._max_length, self._pieces = name, max_length, pieces
        outside = labels.index("O") if "O" in labels else 0
        self._nothing = tuple(float(index == outside) for index in range(len(labels)))

    def encode(self, requests: Sequence[Request]) -> list[Encoded]:
        """Windows of token ids. Raises ModelError for a tokenizer that is not the model's own."""
        found: list[Encoded] = []
        for start in range(0, len(requests), CHUNK):
            found += self._encode(requests[start : start + CHUNK])
        return found

    def _encode(self, requests: Sequence[Request]) -> Iterator[Encoded]:
        for words, parts in zip(requests, windows(self.tokenizer, requests, self._max_length), strict=True):
            digest = hashlib.sha256(array("i", [len(words)]).tobytes())
            for part in parts:
                if self._pieces is not None and max(part.ids, default=0) >= self._pieces:
                    hint = "its tokenizer belongs to another model"
                    raise ModelError(f"has no embedding for token id {max(part.ids)}", where=self._name, hint=hint)
                # The same pieces may be other words: what the model sees alike it answers for other places.
                for numbers in (part.ids, part.types, [number for pair in part.words for number in pair]):
                    digest.update(array("i", numbers).tobytes() + b"|")
            yield Encoded(digest.hexdigest(), self._length(parts), False, {"windows": parts, "words": len(words)})

    def _length(self, parts: Sequence[Window]) -> int:
        """Tokens of the text, special ones included, what windows share counted once."""
        special = int(self.tokenizer.num_special_tokens_to_add())
        shared = max((self._max_length - special) // OVERLAP, 0) * (len(parts) - 1)
        return sum(len(part.ids) - special for part in parts) - shared + special

    def rows(self, encoded: Encoded) -> Sequence[Row]:
        """What the model reads of a text: its windows."""
        return [
            {"input_ids": part.ids, "token_type_ids": part.types} for part in encoded.payload["windows"] if part.words
        ]

    def responses(self, scores: Sequence[Any], batch: Sequence[Encoded], filling: Filling) -> list[Response]:
        """The answers to a batch, a row of probabilities for each word, from those of its windows' tokens."""
        chances = iter(scores)
        answers = []
        for encoded in batch:
            rows = [self._nothing] * encoded.payload["words"]
            for part in encoded.payload["windows"]:
                if not part.words:
                    continue  # the tokenizer makes nothing of the text
                tokens = next(chances)
                first = len(tokens) - len(part.ids) if filling.left else 0
                for word, place in part.words:
                    rows[word] = tuple(tokens[first + place])
            answers.append(tuple(rows))
        return answers
