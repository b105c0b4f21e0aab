"""Head for token classification: one label per word.

The first token of a word gives its label. Long texts are read in windows that overlap by a quarter; each word takes its
answer from the window in which its first token has the most context on both sides. Nothing is truncated.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from auditor.errors import DataError
from auditor.models.heads.base import EXAMPLES, LABELS, NO_LABEL, Columns, Head, label_index
from auditor.models.rows import Filling, Row
from auditor.text import spans
from auditor.types import Encoded, Example, Response, Tag, Task

OVERLAP = 4
"""Adjacent windows share 1/OVERLAP of their tokens."""


@dataclass(frozen=True, slots=True)
class Window:
    """Part of a text that the model reads in one row."""

    ids: tuple[int, ...]
    types: tuple[int, ...]
    """Token types; empty if the model has none."""
    words: tuple[tuple[int, int], ...]
    """(word, position of its first token) for each word that this window answers for."""


def windows(tokenizer: Any, requests: Sequence[Tag], max_length: int) -> list[list[Window]]:
    """Return the windows of each text.

    ``max_length`` is the size of a window in tokens, special ones included.
    """
    special = tokenizer.num_special_tokens_to_add()
    tokenized = tokenizer(
        [list(request.words) for request in requests],
        is_split_into_words=True,
        truncation=True,
        max_length=max_length,
        stride=max((max_length - special) // OVERLAP, 0),
        return_overflowing_tokens=True,
    )
    texts: list[list[tuple[list[int], list[int], list[int | None]]]] = [[] for _ in requests]
    types = tokenized.get("token_type_ids") or [[]] * len(tokenized["input_ids"])
    for index, text in enumerate(tokenized["overflow_to_sample_mapping"]):
        texts[text].append((tokenized["input_ids"][index], types[index], tokenized.word_ids(index)))
    return [_without_overlap(parts) for parts in texts]


def _without_overlap(parts: Sequence[tuple[list[int], list[int], list[int | None]]]) -> list[Window]:
    """Assign each word to the window that gives it most context.

    That is the window in which its first token is farthest from both ends; the earlier window wins a tie.
    """
    best: dict[int, tuple[int, int, int]] = {}
    for index, (_, _, words) in enumerate(parts):
        for position, word in enumerate(words):
            # A window that begins in the middle of a word does not contain the word's first token.
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
    # A window in the middle of a very long word answers for no word.
    return [window for window in every if window.words] or every[:1]


def _first(words: Sequence[int | None]) -> int:
    return next(index for index, word in enumerate(words) if word is not None)


class TokenHead(Head[Tag]):
    """Head that returns one distribution over the labels per word."""

    name = "token"
    request = Tag
    architecture = "ForTokenClassification"
    peft_task = "TOKEN_CLS"
    reads_words = answers_tokens = True

    @classmethod
    def request_for(cls, text: str) -> Tag:
        """Return a request for the tags of the text's words."""
        return Tag(tuple(text.split()))

    def _encode(self, requests: Sequence[Tag]) -> Iterator[Encoded]:
        for request, parts in zip(requests, windows(self.tokenizer, requests, self._max_length), strict=True):
            words = len(request.words)
            digest = hashlib.sha256(array("i", [words]).tobytes())
            for part in parts:
                self._check_ids(part.ids)
                # Equal tokens may be split into words differently, and then answer for different positions.
                for numbers in (part.ids, part.types, [number for pair in part.words for number in pair]):
                    digest.update(array("i", numbers).tobytes() + b"|")
            yield Encoded(digest.hexdigest(), self._length(parts), False, {"windows": parts, "words": words})

    def _length(self, parts: Sequence[Window]) -> int:
        """Return the text's length in tokens, special ones included, counting overlaps once."""
        special = int(self.tokenizer.num_special_tokens_to_add())
        shared = max((self._max_length - special) // OVERLAP, 0) * (len(parts) - 1)
        return sum(len(part.ids) - special for part in parts) - shared + special

    def rows(self, encoded: Encoded) -> Sequence[Row]:
        """Return one row per window."""
        return [
            {"input_ids": part.ids, "token_type_ids": part.types} for part in encoded.payload["windows"] if part.words
        ]

    def decode(self, scores: Sequence[Any], batch: Sequence[Encoded], filling: Filling) -> list[Response]:
        """Return the probabilities of each word, from its windows' tokens."""
        chances = iter(scores)
        answers = []
        for encoded in batch:
            rows = [self._nothing()] * encoded.payload["words"]
            for part in encoded.payload["windows"]:
                if not part.words:
                    continue  # the tokenizer produces no tokens for the text
                tokens = next(chances)
                first = len(tokens) - len(part.ids) if filling.left else 0
                for word, place in part.words:
                    rows[word] = tuple(tokens[first + place])
            answers.append(tuple(rows))
        return answers

    def _nothing(self) -> tuple[float, ...]:
        """Return the answer for a word without tokens.

        It is outside every entity with probability 1.
        """
        outside = self._labels.index(spans.OUTSIDE) if spans.OUTSIDE in self._labels else 0
        return tuple(float(index == outside) for index in range(len(self._labels)))

    def distributions(self, response: Response) -> Sequence[Sequence[float]]:
        """Return one distribution per word."""
        rows: Sequence[Sequence[float]] = response
        return rows

    def targets(self, examples: Sequence[Example], task: Task) -> Columns:
        """Return one training row per window.

        The first token of a word has the index of its label; every other token has NO_LABEL.
        """
        columns: Columns = {"input_ids": [], "token_type_ids": [], EXAMPLES: [], LABELS: []}
        requests = [self._own(task.request(example.inputs)) for example in examples]
        texts = zip(examples, requests, windows(self.tokenizer, requests, self._max_length), strict=True)
        for example, request, parts in texts:
            labels = _tags(example, len(request.words), task)
            for part in parts:
                if not part.words:
                    continue  # nothing to learn from
                row = [NO_LABEL] * len(part.ids)
                for word, place in part.words:
                    row[place] = labels[word]
                columns["input_ids"].append(list(part.ids))
                columns["token_type_ids"].append(list(part.types))
                columns[EXAMPLES].append(example.id)
                columns[LABELS].append(row)
        if not any(columns["token_type_ids"]):
            del columns["token_type_ids"]
        return columns

    def label_counts(self, columns: Columns) -> list[int]:
        """Return the number of labelled tokens in each row."""
        return [sum(label != NO_LABEL for label in row) for row in columns[LABELS]]

    def _labels_padded(self, labels: list[Any], length: int, filling: Filling) -> list[Any]:
        return [filling.filled(row, length, NO_LABEL) for row in labels]


def _tags(example: Example, words: int, task: Task) -> list[int]:
    """Return the index of each word's tag.

    Raises DataError if the gold is not one tag per word.
    """
    tags: Any = task.target(example.gold)
    if not isinstance(tags, Sequence) or isinstance(tags, str):
        raise DataError(f"{tags!r} is not one tag per word", where=example.id)
    if len(tags) != words:
        raise DataError(f"{len(tags)} tags for {words} words", where=example.id)
    # A model with another tagging scheme, or without this tag, learns the entity type.
    return [label_index(spans.among(tag, task.labels) or tag, example, task) for tag in tags]


HEAD = TokenHead
