"""Requests → token ids → padded tensors, and logits → probabilities: the same for whatever computes between them."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from array import array
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from auditor.errors import AuditError, ModelError, NoAnswerError
from auditor.models.devices import is_full, memory_errors
from auditor.models.libraries import of_a_library, said
from auditor.models.padding import Filling, Row
from auditor.types import Encoded, Model, Request, Response

if TYPE_CHECKING:
    from auditor.models.heads.token import WordTexts

CHUNK = 1024
"""Texts handed to the tokenizer at once."""
LETTERS = 16
"""A very long text is one of more letters than these for each token that the model reads at most."""
HEADS = (8, 32)
"""Letters for each of these tokens that the head of a very long text has, and where it is too short the next."""
Ids: TypeAlias = tuple[list[int], list[int]]
"""Token ids, and token types (empty where the model has none)."""


class Texts:
    """A tokenizer with the limits of the model that it belongs to."""

    plain: Request = ("A film.",)
    """What any model answers."""

    def __init__(self, tokenizer: Any, *, name: str, max_length: int, pieces: int | None) -> None:
        """``name``: the model's, for errors. ``max_length``: in tokens. ``pieces``: how many the model embeds, None: any."""
        self.tokenizer = tokenizer
        self._name = name
        self._max_length = max_length
        self._pieces = pieces

    def encode(self, requests: Sequence[Request]) -> list[Encoded]:
        """Token ids, cut at the greatest length. Raises ModelError for a tokenizer that is not the model's own."""
        found: list[Encoded] = []
        for start in range(0, len(requests), CHUNK):
            found += self._encode(requests[start : start + CHUNK])
        return found

    def rows(self, encoded: Encoded) -> Sequence[Row]:
        """What the model reads of a text: one row."""
        return [encoded.payload]

    def responses(self, scores: Sequence[Any], batch: Sequence[Encoded], filling: Filling) -> list[Response]:  # noqa: ARG002 - as for words
        """The answers to a batch, from the probabilities of its rows."""
        return [tuple(row) for row in scores]

    def _encode(self, requests: Sequence[Request]) -> Iterator[Encoded]:
        read, rows = self._tokenized(requests)
        # First without a limit, so that it is known which texts were too long for the model; only those again.
        long = [index for index, (ids, _) in enumerate(rows) if len(ids) > self._max_length]
        for index, row in zip(long, self._rows([read[index] for index in long], cut=True), strict=True):
            rows[index] = row
        truncated = frozenset(long)
        for index, (ids, kinds) in enumerate(rows):
            if self._pieces is not None and max(ids, default=0) >= self._pieces:
                hint = "its tokenizer belongs to another model"
                raise ModelError(f"has no embedding for token id {max(ids)}", where=self._name, hint=hint)
            key = hashlib.sha256(array("i", ids).tobytes() + b"|" + array("i", kinds).tobytes()).hexdigest()
            yield Encoded(key, len(ids), index in truncated, {"input_ids": ids, "token_type_ids": kinds})

    def _tokenized(self, requests: Sequence[Request], heads: Sequence[int] = HEADS) -> tuple[list[Request], list[Ids]]:
        """Of each request, what holds all that the model reads of it: a head, or the whole; and its token ids."""
        if not heads or not requests:
            return list(requests), self._rows(requests)
        read = [self._head(request, heads[0]) for request in requests]
        rows = self._rows(read)
        begun = [index for index, head in enumerate(read) if _ends_within_a_word(head, requests[index])]
        longer = self._rows([(requests[index][0][: 2 * len(read[index][0])],) for index in begun])
        # Letters without white space may be cut into other pieces where they go on.
        unsure = {
            index
            for index, (ids, _) in zip(begun, longer, strict=True)
            if ids[: self._max_length] != rows[index][0][: self._max_length]
        }
        short = (index for index, (ids, _) in enumerate(rows) if len(ids) <= self._max_length)
        again = [index for index in sorted({*unsure, *short}) if read[index] is not requests[index]]
        found = self._tokenized([requests[index] for index in again], heads[1:])
        for index, part, row in zip(again, *found, strict=True):
            read[index], rows[index] = part, row
        return read, rows

    def _head(self, request: Request, letters: int) -> Request:
        """The beginning of a very long text, which most likely holds all that the model reads of it; whole words if it can.

        ``letters``: for each token that the model reads.
        """
        if (
            len(request) > 1
            or len(request[0]) <= max(LETTERS, letters) * self._max_length
            or getattr(self.tokenizer, "truncation_side", "right") != "right"
        ):
            return request
        head = request[0][: letters * self._max_length]
        words, *rest = head.rsplit(maxsplit=1) or [""]
        return (words if rest and 2 * len(words) >= len(head) else head,)

    def _rows(self, requests: Sequence[Request], *, cut: bool = False) -> list[Ids]:
        if not requests:
            return []
        pairs = [request if len(request) > 1 else request[0] for request in requests]
        limit = {"max_length": self._max_length} if cut else {}
        found = self.tokenizer(pairs, truncation=cut, verbose=False, **limit)
        types = found.get("token_type_ids") or [[]] * len(requests)
        return list(zip(found["input_ids"], types, strict=True))


def _ends_within_a_word(head: Request, request: Request) -> bool:
    end = len(head[0])
    return head is not request and not any(letter.isspace() for letter in request[0][end - 1 : end + 1])


class TextModel(ABC):
    """What models of a checkpoint have in common, whatever computes; ``again`` loads it afresh, None where it cannot."""

    def __init__(
        self,
        texts: Texts | WordTexts,
        filling: Filling,
        *,
        name: str,
        labels: tuple[str, ...],
        fingerprint: str,
        again: Callable[[], Model] | None,
    ) -> None:
        self.texts = texts
        self.filling = filling
        self.singly = False
        """Whether each row passes alone: its answer would depend on its company."""
        self.notes: tuple[str, ...] = ()
        """What is to be said of how the checkpoint was loaded and is asked, in one line each."""
        self._name = name
        self._labels = labels
        self._fingerprint = fingerprint
        self._again = again

    @property
    def name(self) -> str:
        return self._name

    @property
    def labels(self) -> tuple[str, ...]:
        return self._labels

    @property
    def fingerprint(self) -> str:
        return self._fingerprint

    @property
    @abstractmethod
    def numerics(self) -> str:
        """What the last bits of the answers depend on beside the checkpoint, in words."""

    def encode(self, requests: Sequence[Request]) -> list[Encoded]:
        """Token ids, cut at the greatest length. Raises ModelError for a tokenizer that is not the model's own."""
        return self.texts.encode(requests)

    def run(self, batch: Sequence[Encoded]) -> list[Response]:
        """Probabilities of the labels for each text, or for each of its words.

        Raises OutOfMemoryError, and NoAnswerError where a library fails or a number is not finite; ModelError where even
        a plain sentence has no answer any more.
        """
        try:
            return self.answers(batch)
        except NoAnswerError:
            if len(batch) == 1:
                self._still_answers()
            raise

    def rows(self, batch: Sequence[Encoded]) -> list[Row]:
        """What the model reads of a batch: a row for each text, or for each of its windows."""
        return [row for one in batch for row in self.texts.rows(one)]

    def answers(self, batch: Sequence[Encoded]) -> list[Response]:
        """As ``run``, without asking again whether it answers at all. Raises OutOfMemoryError, NoAnswerError."""
        with memory_errors(self._name):
            return self._answers(batch)

    def _answers(self, batch: Sequence[Encoded]) -> list[Response]:
        scores = [score for group in self._groups(self.rows(batch)) for score in self._scores(group)]
        return self.texts.responses(scores, batch, self.filling)

    def _groups(self, rows: list[Row]) -> list[list[Row]]:
        """The rows that pass together, in their order."""
        return [[row] for row in rows] if self.singly else [rows] if rows else []

    def _scores(self, rows: Sequence[Row]) -> list[Any]:
        if not all(row["input_ids"] for row in rows):
            # Padding alone would be answered by what it is padded with.
            raise NoAnswerError("has no answer: the tokenizer makes nothing of the text", where=self._name)
        padded = self.filling.padded(rows)
        try:
            logits = self._logits(padded)
        except AuditError:
            raise
        except Exception as error:
            # Full memory is known by its own words, one level up.
            if is_full(error) or not of_a_library(error):
                raise
            raise NoAnswerError(f"has no answer: {said(error)}", where=self._name) from error
        return probabilities(logits, self._name)

    def _still_answers(self) -> None:
        """A device that has failed answers nothing: that is no fault of the text."""
        try:
            self._answers(self.encode([self.texts.plain]))
        except NoAnswerError as error:
            raise ModelError(error.message, where=error.where, hint="not even to a plain sentence") from error

    @abstractmethod
    def _logits(self, padded: dict[str, Any]) -> Any:
        """Of a batch of padded tensors on the CPU: of shape (rows, labels), or (rows, tokens, labels)."""

    def reload(self) -> Model:
        """Loaded afresh from disk; a model that exists in memory only is returned as it is."""
        return self if self._again is None else self._again()


def probabilities(logits: Any, name: str) -> list[Any]:
    """Softmax in float32 of logits, as lists. Raises NoAnswerError for numbers that are not finite."""
    import torch

    # One transfer: a check on the device itself would wait for it a second time.
    scores = torch.softmax(logits.float(), dim=-1).cpu()
    if not bool(torch.isfinite(scores).all()):
        raise NoAnswerError("answers with numbers that are not finite", where=name, hint="are its weights sound?")
    found: list[Any] = scores.double().tolist()
    return found
