"""One label for a text, or for a pair of texts: sequence classification."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterator, Sequence
from types import MappingProxyType
from typing import Any, TypeAlias

from auditor.models.heads.base import EXAMPLES, LABELS, Columns, Head, label_index
from auditor.models.rows import Filling, Row
from auditor.types import Classify, Encoded, Example, Response, Task

LETTERS = 16
"""A very long text is one of more letters than these for each token that the model reads at most."""
BEGINNINGS = (8, 32)
"""Letters for each of these tokens that the beginning of a very long text has, and where it is too short the next."""
READ = ("input_ids", "token_type_ids")
"""What of a tokenizer's columns training keeps; masks follow from the padding."""
Ids: TypeAlias = tuple[list[int], list[int]]
"""Token ids, and token types (empty where the model has none)."""


class SequenceHead(Head[Classify]):
    """One distribution over the labels for each request; what is too long for the model is cut."""

    name = "sequence"
    request = Classify
    architecture = "ForSequenceClassification"
    peft_task = "SEQ_CLS"
    config = MappingProxyType({"problem_type": "single_label_classification"})

    @classmethod
    def asked(cls, text: str) -> Classify:
        """The label of the text."""
        return Classify((text,))

    def rows(self, encoded: Encoded) -> Sequence[Row]:
        """One row."""
        return [encoded.payload]

    def decode(self, scores: Sequence[Any], batch: Sequence[Encoded], filling: Filling) -> list[Response]:  # noqa: ARG002 - one row each
        """The probabilities of each row."""
        return [tuple(row) for row in scores]

    def distributions(self, response: Response) -> Sequence[Sequence[float]]:
        """The one that the response is."""
        return [response]

    def targets(self, examples: Sequence[Example], task: Task) -> Columns:
        """A row for each example, with the index of its label."""
        requests = [self._own(task.request(example.inputs)) for example in examples]
        given = self.tokenizer(_given(requests), truncation=True, max_length=self._max_length)
        columns: Columns = {name: given[name] for name in READ if name in given}
        columns[EXAMPLES] = [example.id for example in examples]
        columns[LABELS] = [label_index(example.gold, example, task) for example in examples]
        return columns

    def _encode(self, requests: Sequence[Classify]) -> Iterator[Encoded]:
        read, rows = self._tokenized(requests)
        # First without a limit, so that it is known which texts were too long for the model; only those again.
        long = [index for index, (ids, _) in enumerate(rows) if len(ids) > self._max_length]
        for index, row in zip(long, self._rows([read[index] for index in long], cut=True), strict=True):
            rows[index] = row
        truncated = frozenset(long)
        for index, (ids, kinds) in enumerate(rows):
            self._check_ids(ids)
            key = hashlib.sha256(array("i", ids).tobytes() + b"|" + array("i", kinds).tobytes()).hexdigest()
            yield Encoded(key, len(ids), index in truncated, {"input_ids": ids, "token_type_ids": kinds})

    def _tokenized(
        self, requests: Sequence[Classify], beginnings: Sequence[int] = BEGINNINGS
    ) -> tuple[list[Classify], list[Ids]]:
        """Of each request, what holds all that the model reads of it: its beginning, or the whole; and its token ids."""
        if not beginnings or not requests:
            return list(requests), self._rows(requests)
        read = [self._beginning(request, beginnings[0]) for request in requests]
        rows = self._rows(read)
        begun = [index for index, part in enumerate(read) if _ends_within_a_word(part, requests[index])]
        longer = self._rows([_cut(requests[index], 2 * len(read[index].texts[0])) for index in begun])
        # Letters without white space may be cut into other pieces where they go on.
        unsure = {
            index
            for index, (ids, _) in zip(begun, longer, strict=True)
            if ids[: self._max_length] != rows[index][0][: self._max_length]
        }
        short = (index for index, (ids, _) in enumerate(rows) if len(ids) <= self._max_length)
        again = [index for index in sorted({*unsure, *short}) if read[index] is not requests[index]]
        found = self._tokenized([requests[index] for index in again], beginnings[1:])
        for index, part, row in zip(again, *found, strict=True):
            read[index], rows[index] = part, row
        return read, rows

    def _beginning(self, request: Classify, letters: int) -> Classify:
        """The beginning of a very long text, which most likely holds all that the model reads of it; whole words if it can.

        ``letters``: for each token that the model reads.
        """
        if (
            len(request.texts) > 1
            or len(request.texts[0]) <= max(LETTERS, letters) * self._max_length
            or getattr(self.tokenizer, "truncation_side", "right") != "right"
        ):
            return request
        beginning = _cut(request, letters * self._max_length)
        text = beginning.texts[0]
        words, *rest = text.rsplit(maxsplit=1) or [""]
        return Classify((words,)) if rest and 2 * len(words) >= len(text) else beginning

    def _rows(self, requests: Sequence[Classify], *, cut: bool = False) -> list[Ids]:
        if not requests:
            return []
        limit = {"max_length": self._max_length} if cut else {}
        found = self.tokenizer(_given(requests), truncation=cut, verbose=False, **limit)
        types = found.get("token_type_ids") or [[]] * len(requests)
        return list(zip(found["input_ids"], types, strict=True))


def _given(requests: Sequence[Classify]) -> list[Any]:
    """The requests as tokenizers take them: a text, or a pair."""
    return [request.texts if len(request.texts) > 1 else request.texts[0] for request in requests]


def _cut(request: Classify, letters: int) -> Classify:
    return Classify((request.texts[0][:letters],))


def _ends_within_a_word(beginning: Classify, request: Classify) -> bool:
    end = len(beginning.texts[0])
    letters = request.texts[0][end - 1 : end + 1]
    return beginning is not request and not any(letter.isspace() for letter in letters)


HEAD = SequenceHead
