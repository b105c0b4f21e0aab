"""Requests → token ids → padded tensors, and logits → probabilities: the same for whatever computes between them."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from array import array
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from auditor.errors import ModelError
from auditor.models.devices import memory_errors
from auditor.types import Encoded, Model, Request, Response

if TYPE_CHECKING:
    from auditor.models.words import WordTexts

CHUNK = 1024
"""Texts handed to the tokenizer at once."""


class Texts:
    """A tokenizer with the limits of the model that it belongs to."""

    def __init__(self, tokenizer: Any, *, name: str, max_length: int, pieces: int) -> None:
        """``name``: the model's, for errors. ``max_length``: in tokens. ``pieces``: how many the model embeds."""
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

    def responses(self, logits: Any, batch: Sequence[Encoded]) -> list[Response]:  # noqa: ARG002 - one row a text
        """Of logits of shape (texts, labels), the probabilities of each text."""
        return [tuple(row) for row in probabilities(logits, self._name)]

    def padded(self, batch: Sequence[Encoded]) -> Any:
        """One batch as torch tensors, as long as its longest member."""
        names = ("input_ids", "token_type_ids") if batch[0].payload["token_type_ids"] else ("input_ids",)
        rows = [{name: item.payload[name] for name in names} for item in batch]
        return self.tokenizer.pad(rows, return_tensors="pt")

    def _encode(self, requests: Sequence[Request]) -> Iterator[Encoded]:
        rows = self._tokenize(requests)
        # First without a limit, so that it is known which texts were too long for the model; only those again.
        long = [index for index, (ids, _) in enumerate(rows) if len(ids) > self._max_length]
        for index, row in zip(long, self._tokenize([requests[index] for index in long], cut=True), strict=True):
            rows[index] = row
        truncated = frozenset(long)
        for index, (ids, kinds) in enumerate(rows):
            if max(ids, default=0) >= self._pieces:
                hint = "its tokenizer belongs to another model"
                raise ModelError(f"has no embedding for token id {max(ids)}", where=self._name, hint=hint)
            key = hashlib.sha256(array("i", ids).tobytes() + b"|" + array("i", kinds).tobytes()).hexdigest()
            yield Encoded(key, len(ids), index in truncated, {"input_ids": ids, "token_type_ids": kinds})

    def _tokenize(self, requests: Sequence[Request], *, cut: bool = False) -> list[tuple[list[int], list[int]]]:
        """Token ids and token types (empty where the model has none) of each request."""
        if not requests:
            return []
        pairs = [request if len(request) > 1 else request[0] for request in requests]
        limit = {"max_length": self._max_length} if cut else {}
        found = self.tokenizer(pairs, truncation=cut, verbose=False, **limit)
        types = found.get("token_type_ids") or [[]] * len(requests)
        return list(zip(found["input_ids"], types, strict=True))


class TextModel(ABC):
    """What models of a checkpoint have in common, whatever computes; ``again`` loads it afresh, None where it cannot."""

    def __init__(
        self,
        texts: Texts | WordTexts,
        *,
        name: str,
        labels: tuple[str, ...],
        fingerprint: str,
        again: Callable[[], Model] | None,
    ) -> None:
        self.texts = texts
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
        """Probabilities of the labels for each. Raises ModelError for numbers that are not finite, OutOfMemoryError."""
        with memory_errors(self._name):
            return self.texts.responses(self._logits(self.texts.padded(batch)), batch)

    @abstractmethod
    def _logits(self, padded: Any) -> Any:
        """Of a batch of padded tensors on the CPU: of shape (texts, labels), or (windows, tokens, labels)."""

    def reload(self) -> Model:
        """Loaded afresh from disk; a model that exists in memory only is returned as it is."""
        return self if self._again is None else self._again()


def probabilities(logits: Any, name: str) -> list[Any]:
    """Softmax in float32 of logits, as lists. Raises ModelError for numbers that are not finite."""
    import torch

    # One transfer: a check on the device itself would wait for it a second time.
    scores = torch.softmax(logits.float(), dim=-1).cpu()
    if not bool(torch.isfinite(scores).all()):
        raise ModelError("answers with numbers that are not finite", where=name, hint="are its weights sound?")
    found: list[Any] = scores.double().tolist()
    return found
