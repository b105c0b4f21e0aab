"""Base class for the models of local checkpoints, independent of the backend."""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

from auditor.errors import AuditError, ModelError, NoAnswerError, first_line
from auditor.models.devices import is_full, memory_errors
from auditor.models.heads.base import Head
from auditor.models.libraries import is_from_library
from auditor.models.rows import Filling, Row
from auditor.models.vocabulary import nearest, whole_words
from auditor.types import Encoded, FloatArray, Model, Request, Response

PLAIN = "A film."
"""A sentence that every working model can score."""
SOUND = "are its weights sound?"


class TextModel(ABC):
    """Base class for models loaded from a checkpoint, independent of the backend.

    ``again`` loads the model from disk again; it is None for a model that exists in memory only.
    """

    def __init__(
        self,
        head: Head[Any],
        filling: Filling,
        *,
        name: str,
        labels: tuple[str, ...],
        fingerprint: str,
        again: Callable[[], Model] | None,
    ) -> None:
        self.head = head
        self.filling = filling
        self.singly = False
        """Whether each row is scored alone because its answer would depend on the rest of the batch."""
        self.notes: tuple[str, ...] = ()
        """One-line remarks on how the checkpoint was loaded and how it is run."""
        self._name = name
        self._labels = labels
        self._fingerprint = fingerprint
        self._again = again

    @property
    def name(self) -> str:
        """The name of the model in results."""
        return self._name

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels in the order of the model's outputs."""
        return self._labels

    @property
    def fingerprint(self) -> str:
        """SHA-256 over everything that determines the model's answers, or "" if unknown."""
        return self._fingerprint

    @property
    @abstractmethod
    def numerics(self) -> str:
        """What determines the last bits of the answers besides the checkpoint."""

    @property
    @abstractmethod
    def device_kind(self) -> str:
        """``cpu``, ``cuda`` or ``mps``."""

    @property
    def workers(self) -> int:
        """The number of batches that may run at the same time: one."""
        return 1

    @property
    def accepts(self) -> frozenset[type[Request]]:
        """The types of requests that the model's head answers."""
        return frozenset((self.head.request,))

    @functools.cached_property
    def _words(self) -> dict[str, int]:
        return whole_words(self.head.tokenizer)

    def vocabulary(self) -> Sequence[str]:
        """Return the words that are one token, ordered by id."""
        return tuple(self._words)

    def similar_words(self, words: Sequence[str], n: int) -> list[Sequence[str]]:
        """Return the n nearest other words of each word, by the embeddings.

        Without embeddings, no word has any.
        """
        weights = self._embeddings()
        return [() for _ in words] if weights is None else list(nearest(weights, self._words, words, n))

    def _embeddings(self) -> Any:
        """Return the embeddings, a row for each id, or None."""
        return None

    def encode(self, requests: Sequence[Request]) -> list[Encoded]:
        """Return each request as its head encodes it. Raises ModelError."""
        return self.head.encode(requests)

    def run(self, batch: Sequence[Encoded]) -> list[Response]:
        """Return the label probabilities for each text or each word.

        Raises OutOfMemoryError; NoAnswerError if a library fails or a number is not finite; ModelError if the model no
        longer answers even a plain sentence.
        """
        try:
            return self.answers(batch)
        except NoAnswerError:
            if len(batch) == 1:
                self._still_answers()
            raise

    def rows(self, batch: Sequence[Encoded]) -> list[Row]:
        """Return the rows of a batch: one per text or window."""
        return [row for request in batch for row in self.head.rows(request)]

    def answers(self, batch: Sequence[Encoded]) -> list[Response]:
        """Return what ``run`` returns, without checking afterwards that the model still works.

        Raises OutOfMemoryError and NoAnswerError.
        """
        with memory_errors(self._name):
            return self._answers(batch)

    def label_logits(self, batch: Sequence[Encoded]) -> FloatArray | None:
        """Return the logits of each text's labels, in float64.

        None for a head that answers for words. Raises as ``answers`` does, without a check that the model still works.
        """
        import numpy as np

        with memory_errors(self._name):
            groups = self._groups(self.rows(batch), singly=self.singly)
            logits = [self._passed(group, 0, self._logits).float().cpu() for group in groups]
        if any(rows.ndim != 2 for rows in logits):
            return None
        told: FloatArray = np.concatenate([rows.double().numpy() for rows in logits])
        if not np.isfinite(told).all():
            raise NoAnswerError("answers with numbers that are not finite", where=self._name, hint=SOUND)
        return told

    @property
    def padded_length(self) -> int:
        """The most tokens that a text can be padded to."""
        return self.head.max_length

    def run_together(self, batch: Sequence[Encoded], *, length: int = 0) -> list[Response]:
        """Return the answers to a batch in one pass.

        This holds for a model that is otherwise asked one by one too. Every row is padded to ``length`` tokens, or to
        the longest row if that is more. Raises as ``answers`` does.
        """
        with memory_errors(self._name):
            return self._answers(batch, together=True, length=length)

    def _answers(self, batch: Sequence[Encoded], *, together: bool = False, length: int = 0) -> list[Response]:
        groups = self._groups(self.rows(batch), singly=self.singly and not together)
        scores = [score for group in groups for score in self._scores(group, length)]
        return self.head.decode(scores, batch, self.filling)

    def _groups(self, rows: list[Row], *, singly: bool) -> list[list[Row]]:
        """Split the rows, in order, into groups that are scored together."""
        return [[row] for row in rows] if singly else [rows] if rows else []

    def _scores(self, rows: Sequence[Row], length: int) -> list[Any]:
        return probabilities(self._passed(rows, length, self._logits), self.head, self._name)

    def _passed(self, rows: Sequence[Row], length: int, forward: Callable[[dict[str, Any]], Any]) -> Any:
        """Return what ``forward`` says of the padded rows."""
        if not all(row["input_ids"] for row in rows):
            # The answer for a row of padding alone would depend on the batch.
            raise NoAnswerError("has no answer: the tokenizer produces no tokens for the text", where=self._name)
        padded = self.head.pad(rows, self.filling, length)
        try:
            return forward(padded)
        except AuditError:
            raise
        except Exception as error:
            # The caller recognizes errors about full memory by their text.
            if is_full(error) or not is_from_library(error):
                raise
            raise NoAnswerError(f"has no answer: {first_line(error)}", where=self._name) from error

    def _still_answers(self) -> None:
        """Raise ModelError if even a plain sentence gets no answer.

        A failed device answers no request, so the text is not at fault.
        """
        try:
            self._answers(self.encode([self.head.request_for(PLAIN)]))
        except NoAnswerError as error:
            raise ModelError(error.message, where=error.where, hint="not even to a plain sentence") from error

    @abstractmethod
    def _logits(self, padded: dict[str, Any]) -> Any:
        """Return the logits for a batch of padded tensors on the CPU.

        Their shape is (rows, labels), or (rows, tokens, labels).
        """

    def reload(self) -> Model:
        """Return the model loaded from disk again.

        A model that exists in memory only returns itself.
        """
        return self if self._again is None else self._again()


def probabilities(logits: Any, head: Head[Any], name: str) -> list[Any]:
    """Return the head's probabilities of float32 logits, as lists.

    Raises NoAnswerError for numbers that are not finite.
    """
    import torch

    # One transfer: checking for finite numbers on the device would synchronize a second time.
    scores = head.probabilities(logits.float()).cpu()
    if not bool(torch.isfinite(scores).all()):
        raise NoAnswerError("answers with numbers that are not finite", where=name, hint=SOUND)
    probabilities_by_row: list[Any] = scores.double().tolist()
    return probabilities_by_row
