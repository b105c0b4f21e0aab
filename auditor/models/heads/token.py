"""One label for each word: token classification.

Of each word its first piece answers, and long texts are read in windows.

Windows overlap by a quarter; a word is answered in the window in which its first piece has the most context to both sides.
Nothing is cut.
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
"""A window shares 1/OVERLAP of its tokens with the next."""


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a text that the model reads at once."""

    ids: tuple[int, ...]
    types: tuple[int, ...]
    """Empty where the model has none."""
    words: tuple[tuple[int, int], ...]
    """(word, position of its first piece) of the words that it answers for."""


def windows(tokenizer: Any, requests: Sequence[Tag], max_length: int) -> list[list[Window]]:
    """The windows of each text; ``max_length``: tokens of a window, special ones included."""
    special = tokenizer.num_special_tokens_to_add()
    found = tokenizer(
        [list(request.words) for request in requests],
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


class TokenHead(Head[Tag]):
    """A distribution over the labels for each word of a request."""

    name = "token"
    request = Tag
    architecture = "ForTokenClassification"
    peft_task = "TOKEN_CLS"
    reads_words = answers_tokens = True

    @classmethod
    def asked(cls, text: str) -> Tag:
        """The tags of the text's words."""
        return Tag(tuple(text.split()))

    def _encode(self, requests: Sequence[Tag]) -> Iterator[Encoded]:
        for request, parts in zip(requests, windows(self.tokenizer, requests, self._max_length), strict=True):
            words = len(request.words)
            digest = hashlib.sha256(array("i", [words]).tobytes())
            for part in parts:
                self._check_ids(part.ids)
                # The same pieces may be other words: what the model sees alike it answers for other places.
                for numbers in (part.ids, part.types, [number for pair in part.words for number in pair]):
                    digest.update(array("i", numbers).tobytes() + b"|")
            yield Encoded(digest.hexdigest(), self._length(parts), False, {"windows": parts, "words": words})

    def _length(self, parts: Sequence[Window]) -> int:
        """Tokens of the text, special ones included, what windows share counted once."""
        special = int(self.tokenizer.num_special_tokens_to_add())
        shared = max((self._max_length - special) // OVERLAP, 0) * (len(parts) - 1)
        return sum(len(part.ids) - special for part in parts) - shared + special

    def rows(self, encoded: Encoded) -> Sequence[Row]:
        """A row for each window."""
        return [
            {"input_ids": part.ids, "token_type_ids": part.types} for part in encoded.payload["windows"] if part.words
        ]

    def decode(self, scores: Sequence[Any], batch: Sequence[Encoded], filling: Filling) -> list[Response]:
        """The probabilities of each word, from those of its windows' tokens."""
        chances = iter(scores)
        answers = []
        for encoded in batch:
            rows = [self._nothing()] * encoded.payload["words"]
            for part in encoded.payload["windows"]:
                if not part.words:
                    continue  # the tokenizer makes nothing of the text
                tokens = next(chances)
                first = len(tokens) - len(part.ids) if filling.left else 0
                for word, place in part.words:
                    rows[word] = tuple(tokens[first + place])
            answers.append(tuple(rows))
        return answers

    def _nothing(self) -> tuple[float, ...]:
        """The answer for a word that the tokenizer makes nothing of: surely outside every entity."""
        outside = self._labels.index(spans.OUTSIDE) if spans.OUTSIDE in self._labels else 0
        return tuple(float(index == outside) for index in range(len(self._labels)))

    def distributions(self, response: Response) -> Sequence[Sequence[float]]:
        """One for each word."""
        rows: Sequence[Sequence[float]] = response
        return rows

    def targets(self, examples: Sequence[Example], task: Task) -> Columns:
        """A row for each window: the first piece of a word has the index of its label, everything else NO_LABEL."""
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
        """How many of a row's tokens have a label."""
        return [sum(label != NO_LABEL for label in row) for row in columns[LABELS]]

    def _labels_padded(self, labels: list[Any], length: int, filling: Filling) -> list[Any]:
        return [filling.filled(row, length, NO_LABEL) for row in labels]


def _tags(example: Example, words: int, task: Task) -> list[int]:
    """The index of each word's tag. Raises DataError for a gold that is not a tag for each word."""
    gold = example.gold
    if not isinstance(gold, tuple) or len(gold) != words:
        problem = (
            f"{len(gold)} tags for {words} words" if isinstance(gold, tuple) else f"{gold!r} is no tag for each word"
        )
        raise DataError(problem, where=example.id)
    # A head of another scheme, or without a tag that its data never had, learns the type.
    return [label_index(spans.among(tag, task.labels) or tag, example, task) for tag in gold]


HEAD = TokenHead
